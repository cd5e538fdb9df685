"""The example in examples/, in a form that takes seconds."""

import os
import re
import subprocess
import sys
from pathlib import Path

import soundfile

EXAMPLE = Path(__file__).parents[3] / "examples" / "next_code.py"


def test_next_code(clips: list[Path], toy_checkpoint: Path, tmp_path: Path) -> None:
    words = ["--checkpoint", toy_checkpoint, "--steps", "30", "--output", tmp_path]
    command = [sys.executable, EXAMPLE, clips[0].parent, *words]
    result = subprocess.run(
        command, cwd=EXAMPLE.parents[1], env=environment(), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    first, last = map(float, re.findall(r"loss (\S+) -> (\S+) nats", result.stdout)[0])
    assert last < first - 0.1
    wave, rate = soundfile.read(tmp_path / "sample.wav")
    assert (rate, len(wave)) == (16_000, 199 * 320)


def environment() -> dict[str, str]:
    """The example finds this tree, installed or not."""
    return {**os.environ, "PYTHONPATH": str(EXAMPLE.parents[1])}
