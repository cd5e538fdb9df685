"""Scores every clip through every codec at every bitrate, in parallel, and never one twice."""

import multiprocessing
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace

import numpy as np

from codec.errors import CodecError, EvaluationError
from codec.temporary import TemporaryFolder
from training.evaluation.clips import SAMPLE_RATE, Clip, read_reference
from training.evaluation.jobs.cache import Cache, row_key
from training.evaluation.jobs.rows import Row
from training.evaluation.metrics.alignment import align
from training.evaluation.metrics.metric import is_silent
from training.evaluation.metrics.registry import find_metric
from training.evaluation.systems.system import Decoded, System

SHORTEST_S = 0.25
"""Shorter clips are listed and not coded: PESQ refuses them."""


Engine = Callable[["Sequence[Job]", Sequence[int]], Iterator[tuple[int, "Row"]]]
"""From all jobs and the numbers of those to do, to number and row of each as it is done."""


@dataclass(frozen=True)
class Job:
    """One clip through one codec at one bitrate."""

    system: System
    nominal_kbps: float
    clip: Clip
    metrics: tuple[str, ...]

    @property
    def blank(self) -> Row:
        """Its row before anything is known."""
        return Row(self.system.name, self.nominal_kbps, self.clip.name)

    def key(self) -> str:
        """Hash over everything its row depends on."""
        identity, clip_hash = self.system.identity(), self.clip.content_hash()
        return row_key(clip_hash, identity, self.nominal_kbps, self.metrics)


def run_jobs(
    jobs: Sequence[Job],
    cache: Cache,
    num_processes: int,
    report: Callable[[Row, bool], None] = lambda row, cached: None,
    engine: Engine | None = None,
) -> list[Row]:
    """The row of every job, in their order.

    Args:
        num_processes: how many to run at a time; 0 runs them in this process.
        report: called with each row as it comes and whether it was in the cache.
        engine: computes rows elsewhere than in processes of this machine.
    """
    keys = [job.key() for job in jobs]
    rows: dict[int, Row] = {}
    for index, key in enumerate(keys):
        if (row := cache.load(key, jobs[index].blank)) is not None:
            rows[index] = row
            report(row, True)
    todo = [index for index in range(len(jobs)) if index not in rows]
    found = engine(jobs, todo) if engine else _compute(jobs, todo, num_processes)
    for index, row in found:
        cache.save(keys[index], row)
        rows[index] = row
        report(row, False)
    return [rows[index] for index in range(len(jobs))]


def score_clip(job: Job) -> Row:
    """Code, decode, align and score one clip; whatever fails is in the row's `error`.

    That goes for errors nobody thought of too: one odd clip must not end a run of hours.
    """
    try:
        reference = read_reference(job.clip)
        row = replace(job.blank, seconds=len(reference) / SAMPLE_RATE)
        if row.seconds < SHORTEST_S:
            return replace(row, error=f"too short: {row.seconds:.2f} s, {SHORTEST_S} s is needed")
        if is_silent(reference):
            return replace(row, error="silent")
        decoded = code_clip(job, reference)
        return _score(row, reference, decoded, job.metrics)
    except (CodecError, OSError) as error:
        return replace(job.blank, error=" ".join(str(error).split()))
    except Exception as error:
        words = " ".join(str(error).split())
        return replace(job.blank, error=f"unexpected {type(error).__name__}: {words}")


def code_clip(job: Job, reference: np.ndarray) -> Decoded:
    """What the job's codec makes of `reference` ([T] int16), in a folder that is then removed."""
    with TemporaryFolder("evaluate") as folder:
        return job.system.code(reference, job.nominal_kbps, folder)


def _score(row: Row, reference: np.ndarray, decoded: Decoded, metrics: Sequence[str]) -> Row:
    """`row` with what `decoded` cost and how it scores."""
    to_kbps = 8.0 / 1000.0 / row.seconds
    row = replace(
        row,
        kbps=decoded.file_bytes * to_kbps,
        payload_kbps=decoded.payload_bytes * to_kbps,
        encode_s=decoded.encode_s,
        decode_s=decoded.decode_s,
        peak_mb=decoded.peak_mb,
    )
    clean, heard, lag = align(reference, decoded.wave, SAMPLE_RATE)
    scores, errors = {}, []
    for name in metrics:
        try:
            scores[name] = find_metric(name).compute(clean, heard, SAMPLE_RATE)
        except EvaluationError as error:
            errors.append(str(error))
    return replace(row, lag=lag, scores=scores, error="; ".join(errors))


def _compute(
    jobs: Sequence[Job], todo: Sequence[int], num_processes: int
) -> Iterator[tuple[int, Row]]:
    """(index, row) of every job in `todo` as it is done.

    No more jobs are handed out than there are processes, so when one dies (PESQ is C, memory ends)
    the culprit is among those few: each of them gets a process of its own, and only the one that
    dies again is a failure.
    """
    waiting = deque(todo)
    if num_processes == 0:
        yield from ((index, score_clip(jobs[index])) for index in waiting)
        return
    while waiting:
        running: dict[Future[Row], int] = {}
        with _pool(num_processes) as pool:
            try:
                while waiting or running:
                    while waiting and len(running) < num_processes:
                        running[pool.submit(score_clip, jobs[waiting[0]])] = waiting[0]
                        waiting.popleft()
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        row = future.result()
                        yield running.pop(future), row
            except BrokenProcessPool:
                pass
        for index in running.values():
            yield index, _alone(jobs[index])


def _alone(job: Job) -> Row:
    """The job's row from a process of its own; a row that says so if that dies."""
    try:
        with _pool(1) as pool:
            return pool.submit(score_clip, job).result()
    except BrokenProcessPool:
        return replace(job.blank, error="the process that scored it died")


def _pool(num_processes: int) -> ProcessPoolExecutor:
    context = multiprocessing.get_context("spawn")  # a fork would copy torch's threads half alive
    return ProcessPoolExecutor(
        num_processes, context, initializer=_end_with, initargs=(os.getpid(),)
    )


def _end_with(parent: int) -> None:
    """Let this process end soon after `parent` does, however that ended."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
