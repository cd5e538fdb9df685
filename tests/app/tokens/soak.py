"""Runs that are stopped and killed again and again, in whole or one worker of them."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.app.tokens.conftest import make_corpus, read_failures, read_rows

NSVQ = [sys.executable, "-m", "app", "tokens"]
WORKER = {"local": "spawn_main(", "ray": "ray::Tokenizer"}
"""What the command line of an engine's worker holds."""
PATIENCE_S = 600.0
"""For what takes seconds: Ray's start takes minutes where others use the cores."""


def soak(
    folder: Path, checkpoint: Path, *, clips: int, damaged: int, kills: int, engine: str = "local"
) -> None:
    """Kill a worker, stop the run, kill the run, in turn; in the end every recording is there once.

    No process of any of the runs is left.
    """
    corpus, out = make_corpus(folder / "in", clips, damaged), folder / "out"
    command = [*NSVQ, corpus, "-o", out, "--checkpoint", checkpoint, "--engine", engine]
    command += ["--jobs", "1", "--shard-mb", str(clips * 4 / 1e6)]
    moments, started = random.Random(0), set[int]()
    for number in range(kills):
        started |= struck(command, out, WORKER[engine], number % 3, moments)
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    check(out, clips, damaged)
    wait_until(lambda: not started & {pid for pid in started if is_alive(pid)})


def struck(
    command: list[object], out: Path, worker: str, manner: int, moments: random.Random
) -> set[int]:
    """Start a run and end it while it writes; the processes it had.

    Args:
        manner: 0 kills a worker, and the run later; 1 stops the run by SIGTERM, 2 by SIGKILL.
    """
    begun_ns = time.time_ns()
    with subprocess.Popen([str(word) for word in command], stderr=subprocess.DEVNULL) as run:
        try:
            wait_until(lambda: is_writing(out, begun_ns) or run.poll() is not None)
            time.sleep(moments.uniform(0.0, 2.0))
            started = below(run.pid)
            if manner == 0:
                kill_worker(run.pid, worker)
                with suppress(subprocess.TimeoutExpired):  # it goes on without the worker
                    run.wait(moments.uniform(1.0, 4.0))
            run.send_signal(signal.SIGTERM if manner == 1 else signal.SIGKILL)
            run.wait(PATIENCE_S)
        finally:
            run.kill()  # else a failure here would wait for the run's end
    return started


def is_writing(out: Path, since_ns: int) -> bool:
    """Whether something was written into a shard since then."""
    for path in out.glob("*tokens-*"):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime_ns > since_ns:
                return True
    return False


def check(out: Path, clips: int, damaged: int) -> None:
    """Every clip of `make_corpus` once, every damaged one as a failure, and nothing unfinished."""
    num_stereo = len(range(3, clips, 7))
    rows = read_rows(out)
    assert (len({id_ for id_, _ in rows}), len(rows)) == (clips, clips + num_stereo)
    assert len(read_failures(out)) == damaged
    assert not list(out.glob("*.partial"))


def wait_until(ready: Callable[[], object]) -> None:
    """Wait until `ready`, for `PATIENCE_S` at most."""
    deadline = time.monotonic() + PATIENCE_S
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def kill_worker(run: int, words: str) -> None:
    """SIGKILL the first worker of a run that is found."""
    for pid in sorted(below(run)):
        if words in command_line(pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            return


def below(pid: int) -> set[int]:
    """All that `pid` started, and what those started."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    found, new = set[int](), {pid}
    while new:
        new = {child for child, parent in parents.items() if parent in new}
        found |= new
    return found


def is_alive(pid: int) -> bool:
    """Whether `pid` still runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def command_line(pid: int) -> str:
    """The words `pid` was started with, or the name it gave itself since."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""
