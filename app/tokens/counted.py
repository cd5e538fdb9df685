"""A command's processor time with that of everything it started. Linux only."""

import ctypes
import os
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

SET_CHILD_SUBREAPER = 36
"""Of `prctl`: processes whose parent ended become children of this one and stay in sight."""
EVERY_S = 0.2
"""Time between two looks; what a process does after the last one is not counted."""
PATIENCE_S = 60.0
"""What processes that outlive the command get to end."""


def run_counted(command: Sequence[str], environment: Mapping[str, str]) -> tuple[str, float]:
    """What `command` prints, and the processor seconds of all its processes.

    `RUSAGE_CHILDREN` misses processes that nobody waits for, such as Ray's workers.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    others = set(_below(os.getpid(), set()))
    spent_s: dict[int, float] = {}
    ctypes.CDLL(None).prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, text=True
        ) as process:
            while process.poll() is None:
                spent_s |= _below(os.getpid(), others)
                time.sleep(EVERY_S)
            assert process.stdout is not None
            output = process.stdout.read()
        _reap(spent_s)
    finally:
        ctypes.CDLL(None).prctl(SET_CHILD_SUBREAPER, 0, 0, 0, 0)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return output, sum(spent_s.values())


def _reap(numbers: Iterable[int]) -> None:
    """Wait for those of a command's processes that became ours: some of Ray's end after it."""
    waiting, until = set(numbers), time.monotonic() + PATIENCE_S
    while waiting and time.monotonic() < until:
        for number in list(waiting):
            with suppress(ChildProcessError):
                if os.waitpid(number, os.WNOHANG) == (0, 0):
                    continue
            waiting.discard(number)
        time.sleep(EVERY_S)


def _below(pid: int, others: set[int]) -> dict[int, float]:
    """Processor seconds of each process that `pid` started, or that one of those started; not of
    `others` and what they start."""
    parents, spent_s = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            words = path.read_text().rpartition(")")[2].split()
            number = int(path.parent.name)
            parents[number] = int(words[1])
            spent_s[number] = (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
    found, new = set[int](), {pid}
    while new:
        new = {child for child, parent in parents.items() if parent in new} - others
        found |= new
    return {number: spent_s[number] for number in found}
