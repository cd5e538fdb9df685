"""Ctrl-C, a closed pipe, a terminal: what only a real process meets."""

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import soundfile

NSVQ = [sys.executable, "-m", "app"]


@pytest.mark.parametrize(
    ("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["INT", "TERM"]
)
def test_a_signal_leaves_nothing_behind(
    number: int, exit_code: int, clip: Path, toy_checkpoint: Path, tmp_path: Path
) -> None:
    wave, rate = soundfile.read(clip)
    with soundfile.SoundFile(tmp_path / "long.wav", "w", rate, 1) as file:
        for _ in range(600):
            file.write(wave)
    target = tmp_path / "new" / "out.nsvq"
    command = [*NSVQ, "encode", tmp_path / "long.wav", "-o", target, "--checkpoint", toy_checkpoint]
    with subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        # a runner in the background of a shell has SIGINT ignored, and children inherit that
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # noqa: PLW1509
    ) as process:
        try:
            deadline = time.monotonic() + 60
            while not (tmp_path / "new").exists() or not any((tmp_path / "new").iterdir()):
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.01)
            process.send_signal(number)
            _, stderr = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == exit_code
    assert stderr.strip() == "nsvq: interrupted"
    assert [path.name for path in tmp_path.iterdir()] == ["long.wav"]


INTERRUPTED_IMPORT = """
import os, signal, sys

class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "click":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Finder)
sys.argv = ["nsvq", "--help"]
import runpy
runpy.run_module("app", run_name="__main__")
"""


def test_an_interruption_while_it_starts_is_one_line() -> None:
    result = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_IMPORT],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert (result.returncode, result.stderr) == (130, "nsvq: interrupted\n")


def test_a_reader_that_goes_away_is_no_error_message(clip: Path, toy_checkpoint: Path) -> None:
    command = [*NSVQ, "encode", clip, "-o", "-", "--checkpoint", toy_checkpoint]
    read_end, write_end = os.pipe()
    os.close(read_end)
    result = subprocess.run(
        command, stdout=write_end, stderr=subprocess.PIPE, timeout=60, check=False
    )
    os.close(write_end)
    assert (result.returncode, result.stderr) == (1, b"")


def test_bytes_are_not_written_to_a_terminal(clip: Path, toy_checkpoint: Path) -> None:
    ours, theirs = pty.openpty()
    command = [*NSVQ, "encode", clip, "-o", "-", "--checkpoint", toy_checkpoint]
    result = subprocess.run(command, stdout=theirs, stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(ours)
    os.close(theirs)
    assert result.returncode == 2
    assert b"terminal" in result.stderr


def test_progress_shows_on_a_terminal_only(
    clip: Path, toy_checkpoint: Path, tmp_path: Path
) -> None:
    ours, theirs = pty.openpty()
    command = [*NSVQ, "encode", clip, "-o", tmp_path / "x.nsvq", "--checkpoint", toy_checkpoint]
    environment = {**os.environ, "TERM": "xterm"}
    result = subprocess.run(
        command, stderr=theirs, stdout=subprocess.PIPE, env=environment, timeout=60, check=False
    )
    shown = os.read(ours, 65_536)
    os.close(ours)
    os.close(theirs)
    assert result.returncode == 0
    assert b"%" in shown


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("target", ["-", "/dev/full"])
def test_a_full_disk_is_told_of_the_output(target: str, coded: Path) -> None:
    command = [*NSVQ, "trim", coded, "--stages", "1", "-o", target]
    with Path("/dev/full").open("wb") as full:
        result = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )
    name = "standard output" if target == "-" else target
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert f"{name}: can't be written (No space left on device)" in line
