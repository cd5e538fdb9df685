"""Jobs over several processes: each has its own network on one thread and takes the next job.

    parent --job--> worker --("advanced", done_s, all_s)…--("finished", facts, failure)--> parent

Results don't depend on the number of processes. A worker that dies fails its own job only.
"""

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path

from app.failures import Failure, failure_of, reason_of
from app.files import Job
from app.progress import Meter
from app.work import Facts, Progress, Work, attempt
from codec.errors import CodecError

Outcome = tuple[Facts, Failure | None]
STOPPING = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
"""Signals that end the program, which then cleans up."""
_PATIENCE_S = 10.0
_TELL_EVERY_S = 0.1


def num_cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_in_processes(
    jobs: Sequence[Job], work: Work, force: bool, meter: Meter, *, num_processes: int
) -> list[Outcome]:
    """Do jobs, `num_processes` at a time; outcomes in the order of the jobs.

    Raises:
        CodecError: a worker can't get ready (a bad checkpoint, say).
    """
    queue, outcomes = deque(enumerate(jobs)), dict[int, Outcome]()
    workers = [_Worker(work, force) for _ in range(min(num_processes, len(jobs)))]
    try:
        while len(outcomes) < len(jobs):
            heard = wait([worker.connection for worker in workers])
            for worker in [one for one in workers if one.connection in heard]:
                worker.hear(outcomes, meter)
                if worker.dead:
                    workers.remove(worker)
                    workers += [_Worker(work, force)] if len(queue) > len(workers) else []
                elif worker.idle and queue:
                    meter.started(worker.give(*queue.popleft()))
    finally:
        _stop(workers)
    return [outcomes[index] for index in range(len(jobs))]


class _Worker:
    """A process that does one job after the other."""

    def __init__(self, work: Work, force: bool) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would copy the locks of threads
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, work, force), daemon=True)
        with _interrupts_ignored():
            self.process.start()
        theirs.close()
        self.given: tuple[int, Job] | None = None
        self.idle = self.dead = False

    def give(self, index: int, job: Job) -> Path:
        """Send a job; returns its source."""
        self.given, self.idle = (index, job), False
        with suppress(OSError):  # a worker that just died is heard of by its silence
            self.connection.send(job)
        return job.source

    def hear(self, outcomes: dict[int, Outcome], meter: Meter) -> None:
        """Take one message, or learn that the worker has died."""
        try:
            kind, *rest = self.connection.recv()
        except (EOFError, OSError):
            kind, rest = "finished", [{}, self._died()]
            self.dead = True
        if kind == "broken":
            raise CodecError(rest[0])
        if kind == "advanced" and self.given:
            meter.advanced(self.given[0], *rest)
        if kind == "finished" and self.given:
            outcomes[self.given[0]] = (rest[0], rest[1])
            meter.finished(self.given[0], failed=rest[1] is not None)
            self.given = None
        self.idle = kind in ("ready", "finished")

    def _died(self) -> Failure:
        self.process.join(_PATIENCE_S)
        reason = f"the process that worked on it ended (exit code {self.process.exitcode})"
        if self.given is None:
            raise CodecError(f"a worker could not start: {reason}; --jobs 1 needs none")
        return failure_of(self.given[1].source, CodecError(f"{reason}; is the memory too small?"))


def _serve(connection: Connection, work: Work, force: bool) -> None:
    """What a worker does until the parent stops it or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all; the parent sees to it
    for number in STOPPING:
        signal.signal(number, lambda number, frame: sys.exit(128 + number))
    try:
        work.load()
    except Exception as error:
        connection.send(("broken", reason_of(error)))
        return
    connection.send(("ready",))
    with suppress(EOFError, BrokenPipeError):
        while True:
            job = connection.recv()
            connection.send(("finished", *attempt(job, work, force, _teller(connection))))


def _teller(connection: Connection) -> Progress:
    """Progress that is told to the parent, now and then."""
    told = 0.0

    def tell(done_s: float, all_s: float) -> None:
        nonlocal told
        now = time.monotonic()
        if done_s >= all_s or now - told >= _TELL_EVERY_S:
            told = now
            connection.send(("advanced", done_s, all_s))

    return tell


def _stop(workers: Sequence[_Worker]) -> None:
    """End them all; each removes what it has half written."""
    for worker in workers:
        worker.connection.close()
        worker.process.terminate()
    for worker in workers:
        worker.process.join(_PATIENCE_S)
        if worker.process.is_alive():
            worker.process.kill()


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """A process started in this block is born deaf to Ctrl-C, also before its first line runs."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
