"""Scores clips on a Ray cluster, a task each.

Every machine needs this package installed, and the recordings and checkpoints at the same paths.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import ray
from ray.exceptions import RayError

from training.evaluation.jobs.job import Job, score_clip
from training.evaluation.jobs.ray_cluster import ONE_THREAD, join
from training.evaluation.jobs.rows import Row

TRIES_AGAIN = 2
"""How often a clip whose worker died is scored once more."""


def score_on_ray(
    jobs: Sequence[Job], todo: Sequence[int], num_cores: int | None, address: str | None
) -> Iterator[tuple[int, Row]]:
    """(index, row) of every job in `todo` as it is done; arguments and errors as for `join`."""
    ours = not ray.is_initialized()
    if ours:
        join(num_cores, address)
    try:
        yield from _rows(jobs, deque(todo))
    finally:
        if ours:
            ray.shutdown()


def _rows(jobs: Sequence[Job], waiting: deque[int]) -> Iterator[tuple[int, Row]]:
    task: Any = ray.remote(score_clip)
    task = task.options(num_cpus=1, max_retries=TRIES_AGAIN, runtime_env=ONE_THREAD)
    most = 2 * max(1, int(ray.cluster_resources().get("CPU", 1)))
    running: dict[Any, int] = {}
    while waiting or running:
        while waiting and len(running) < most:
            index = waiting.popleft()
            running[task.remote(jobs[index])] = index
        (ready,), _ = ray.wait(list(running), num_returns=1)
        index = running.pop(ready)
        yield index, _row(ready, jobs[index])


def _row(reference: Any, job: Job) -> Row:
    try:
        row: Row = ray.get(reference)
    except RayError:
        return replace(job.blank, error=f"the process that scored it died {TRIES_AGAIN + 1} times")
    return row
