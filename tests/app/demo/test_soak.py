"""A short soak: a running demo ends as it began."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.app.demo import soak

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc"),
]


def test_after_a_soak_the_demo_takes_what_it_took_before(checkpoint: Path) -> None:
    pytest.importorskip("gradio", reason="Gradio is not installed")
    command = [sys.executable, soak.__file__, "--requests", "28", "--visitors", "4"]
    done = subprocess.run(
        [*command, "--checkpoint", str(checkpoint)],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
