"""`nsvq demo` in a process of its own."""

import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[3]
FROM_SOURCE = (sys.executable, "-m", "app")
START_S = 300.0
STOP_S = 60.0


@contextmanager
def running(
    *options: object,
    temporary: Path,
    nsvq: tuple[object, ...] = FROM_SOURCE,
    **environment: str,
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A demo's address and process, once it answers; then it is told to stop.

    Args:
        temporary: the folder for its temporary files, where none may be left in the end.
        nsvq: the command.
    """
    command = [*nsvq, "demo", "--port", _free_port(), *options]
    with subprocess.Popen(
        [str(word) for word in command],
        cwd=temporary if environment else ROOT,
        text=True,
        stdout=subprocess.PIPE,
        env=os.environ | {"TMPDIR": str(temporary), "PYTHONFAULTHANDLER": "1"} | environment,
    ) as process:
        try:
            yield _announced(process), process
        finally:
            _stop(process)
    assert not list(temporary.glob("nsvq-*")), "temporary files outlive the demo"


def _stop(process: subprocess.Popen[str]) -> None:
    """SIGTERM; a demo that does not heed it prints where each of its threads is, and ends."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)
        raise


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _announced(process: subprocess.Popen[str]) -> str:
    """The address that the demo prints when it is ready."""
    assert process.stdout is not None
    give_up = time.monotonic() + START_S
    while time.monotonic() < give_up and process.poll() is None:
        ready, _, _ = select.select([process.stdout], [], [], 1.0)
        if ready and (found := re.search(r"http://\S+", process.stdout.readline())):
            return found.group()
    raise RuntimeError(f"the demo did not start (exit code {process.poll()})")
