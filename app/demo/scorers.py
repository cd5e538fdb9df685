"""Scores in processes of their own.

PESQ holds Python's lock while it counts, can crash on odd input, and the metrics turn warnings into
errors for the whole process: none of that may happen in the process that serves the page.
"""

import multiprocessing
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import numpy as np

from codec.errors import EvaluationError

TIMEOUT_S = 120.0


class Scorers:
    """A few worker processes, started when the first score is wanted."""

    def __init__(self, num_workers: int) -> None:
        self.num_workers = num_workers
        self._pool: ProcessPoolExecutor | None = None
        self._lock = threading.Lock()

    def score(
        self,
        reference: np.ndarray,
        decoded: np.ndarray,
        sample_rate: int,
        names: tuple[str, ...] = ("pesq_wb", "stoi"),
    ) -> dict[str, float]:
        """The scores called `names`; PESQ-WB and STOI unless others are asked for.

        Shape: reference [T], decoded [T].

        Raises:
            EvaluationError: no score exists, or the metric crashed or hung.
        """
        pool = self._running()
        try:
            return pool.submit(_score, reference, decoded, sample_rate, names).result(TIMEOUT_S)
        except (BrokenProcessPool, TimeoutError) as error:
            self._drop(pool)
            raise EvaluationError("the metric crashed or hung on this clip") from error

    def warm_up(self) -> None:
        """Start a worker now, so that the first visitor doesn't wait for it."""
        self._running().submit(_import_metrics)

    def _running(self) -> ProcessPoolExecutor:
        with self._lock:
            if self._pool is None:
                context = multiprocessing.get_context("spawn")
                self._pool = ProcessPoolExecutor(self.num_workers, mp_context=context)
            return self._pool

    def _drop(self, pool: ProcessPoolExecutor) -> None:
        with self._lock:
            if self._pool is pool:
                self._pool = None
        pool.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """End the workers."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)


def _score(
    reference: np.ndarray, decoded: np.ndarray, sample_rate: int, names: tuple[str, ...]
) -> dict[str, float]:
    from training.evaluation.metrics.registry import score

    return score(reference, decoded, sample_rate, names)


def _import_metrics() -> None:
    import pesq  # noqa: F401 - imported for the time it takes
    import pystoi  # noqa: F401

    import training.evaluation.metrics.registry  # noqa: F401
