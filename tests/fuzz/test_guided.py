"""A minute of fuzzing guided by coverage, in CI: as long for each target."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TARGETS = ("reader", "stream", "growing", "decompress", "audio", "pipe", "checkpoint")
MINUTES = 1.0 / len(TARGETS)


@pytest.mark.parametrize("target", TARGETS)
def test_nothing_breaks_in_a_minute(target: str, tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="Atheris is not installed: pip install nsvq-codec[fuzz]")
    script = ROOT / "tests" / "fuzz" / "run.py"
    command = [sys.executable, script, target, "--minutes", MINUTES, "--corpus", tmp_path / "seeds"]
    done = subprocess.run(
        [str(word) for word in command],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    found = re.search(r"stat::number_of_executed_units:\s+(\d+)", done.stderr)
    assert found is not None
    assert int(found[1]) > 50
    print(f"{target}: {found[1]} executions")
