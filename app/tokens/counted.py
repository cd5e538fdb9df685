"""A command's processor time with that of everything it started. Linux only."""

import ctypes
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

SET_CHILD_SUBREAPER = 36
"""Of `prctl`: processes whose parent ended become children of this one and stay in sight."""
EVERY_S = 0.2
"""Time between two looks; what a process does after the last one is not counted."""


def run_counted(command: Sequence[str], environment: Mapping[str, str]) -> tuple[str, float]:
    """What `command` prints, and the processor seconds of all its processes.

    `RUSAGE_CHILDREN` misses processes that nobody waits for, such as Ray's workers.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    ctypes.CDLL(None).prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    spent_s: dict[int, float] = {}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            spent_s |= _below(os.getpid())
            time.sleep(EVERY_S)
        assert process.stdout is not None
        output = process.stdout.read()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    with suppress(ChildProcessError):  # some of Ray's end after the one that started them
        while True:
            os.waitpid(-1, 0)
    return output, sum(spent_s.values())


def _below(pid: int) -> dict[int, float]:
    """Processor seconds of each process that `pid` started, or that one of those started."""
    parents, spent_s = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            words = path.read_text().rpartition(")")[2].split()
            number = int(path.parent.name)
            parents[number] = int(words[1])
            spent_s[number] = (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
    found, new = set[int](), {pid}
    while new:
        new = {child for child, parent in parents.items() if parent in new}
        found |= new
    return {number: spent_s[number] for number in found}
