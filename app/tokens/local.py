"""The engine of one machine: a pool of processes with one compute thread each."""

import multiprocessing
import os
import signal
import threading
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait as wait_for

from app.tokens.engine import Group
from app.tokens.recording import Outcome, Settings
from app.tokens.worker import Tokenizer

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
WAITING = 3
"""Groups for each process: one under way, the others next."""
_tokenizer: Tokenizer | None = None


class HerePool:
    """No pool: everything in this process."""

    window = 1

    def __init__(self, settings: Settings) -> None:
        self._tokenizer = Tokenizer(settings)
        self._waiting: list[Group] = []

    def submit(self, group: Group) -> None:
        """Keep it for `wait`."""
        self._waiting.append(group)

    def wait(self) -> list[tuple[Group, list[Outcome] | None]]:
        """Do what was submitted."""
        waiting, self._waiting = self._waiting, []
        return [(group, self._tokenizer.outcomes(group)) for group in waiting]

    def close(self) -> None:
        """Nothing to stop."""


class ProcessPool:
    """Processes on this machine; when one dies all are started anew."""

    def __init__(self, settings: Settings, num_processes: int) -> None:
        self.window = WAITING * num_processes
        self._settings = settings
        self._num_processes = num_processes
        self._running: dict[Future[list[Outcome]], Group] = {}
        self._before = {name: os.environ.get(name) for name in THREADS}
        os.environ.update(dict.fromkeys(THREADS, "1"))  # libraries read it when a process starts
        self._executor = self._started()

    def submit(self, group: Group) -> None:
        """Give it to the next free process."""
        try:
            future = self._executor.submit(_work, group)
        except BrokenProcessPool as error:
            future = Future()
            future.set_exception(error)
        self._running[future] = group

    def wait(self) -> list[tuple[Group, list[Outcome] | None]]:
        """See `Pool.wait`."""
        done, _ = wait(self._running, return_when=FIRST_COMPLETED)
        if any(isinstance(future.exception(), BrokenProcessPool) for future in done):
            done, _ = wait(self._running)
            self._executor.shutdown()
            self._executor = self._started()
        return [(self._running.pop(future), _result(future)) for future in done]

    def close(self) -> None:
        """Stop all processes at once."""
        for future in self._running:
            future.cancel()
        for process in list((self._executor._processes or {}).values()):
            process.terminate()
        self._executor.shutdown(cancel_futures=True)
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    def _started(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            self._num_processes,
            multiprocessing.get_context("spawn"),
            initializer=_start,
            initargs=(self._settings,),
        )


def _result(future: "Future[list[Outcome]]") -> list[Outcome] | None:
    return None if isinstance(future.exception(), BrokenProcessPool) else future.result()


def _start(settings: Settings) -> None:
    """Make this process a worker that ends with its parent, however that ends."""
    global _tokenizer  # noqa: PLW0603 (a process of a pool has no other place)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which stops us
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _tokenizer = Tokenizer(settings)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for([parent.sentinel])
        os._exit(1)


def _work(group: Group) -> list[Outcome]:
    assert _tokenizer is not None
    return _tokenizer.outcomes(group)
