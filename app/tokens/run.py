"""One run: what is left of the inputs through an engine into shards."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from app.tokens.engine import Pool, outcomes
from app.tokens.progress import Progress
from app.tokens.recording import Recording, Settings
from app.tokens.shards import (
    ShardWriter,
    locked,
    read_done,
    run_facts,
    signals_later,
    write_failures,
)
from app.tokens.sources import Sources, fingerprint
from training.evaluation.systems.programs import resident_mb


@dataclass(frozen=True)
class Summary:
    """What a run did."""

    recordings: int
    """In the inputs."""
    done_before: int
    """Recordings that the folder's shards held already."""
    coded: int
    """Recordings coded by this run."""
    failed: int
    rows: int
    """Rows written: one for each channel of a recording."""
    shards: int
    bytes: int
    hours: float
    """Of audio coded by this run."""
    elapsed_s: float
    processor_s: float
    """Processor time that the workers spent on recordings, all together."""
    peak_mb: float
    """Most memory this process held; workers not counted."""
    worker_peak_mb: float
    """Most memory that any worker held."""


def run(
    sources: Sources,
    settings: Settings,
    folder: Path,
    *,
    make_pool: Callable[[], Pool],
    format: str = "parquet",
    shard_bytes: float = 256e6,
    limit: int | None = None,
) -> Summary:
    """Code what `folder` doesn't hold yet. Stopped at any moment, the next run goes on.

    Args:
        make_pool: the engine's workers, started once there is something to do.
        format: key of `app.tokens.formats.FORMATS`.
        shard_bytes: size at which a shard is finished.
        limit: most recordings to code in this run.

    Raises:
        AudioError: an input that can't be read at all.
        OutputError: the folder belongs to another run or model, or can't be written.
    """
    survey = sources.survey()
    with locked(folder):
        facts = run_facts(settings)
        done, _ = read_done(folder, facts)
        writer = ShardWriter(
            folder, format=format, types=survey.types, facts=facts, shard_bytes=shard_bytes
        )
        left = _left(sources, done, limit)
        most = survey.num_recordings - len(done)
        progress = Progress(most if limit is None else min(most, limit))
        _code(left, make_pool, writer, progress, folder)
    return Summary(
        survey.num_recordings,
        len(done),
        progress.num_done + progress.num_failed - len(writer.failures),
        len(writer.failures),
        writer.num_rows,
        writer.num_shards,
        writer.num_bytes,
        progress.seconds / 3600.0,
        progress.elapsed_s,
        progress.processor_s,
        resident_mb(os.getpid()),
        progress.worker_peak_mb,
    )


def _code(
    left: Iterator[Recording],
    make_pool: Callable[[], Pool],
    writer: ShardWriter,
    progress: Progress,
    folder: Path,
) -> None:
    """Code what is left; whole shards and the failures stay, whatever ends it."""
    pool = make_pool()
    try:
        with progress:
            for outcome in outcomes(pool, left):
                with signals_later():
                    if writer.add(outcome) and writer.failures:
                        write_failures(folder, writer.failures)
                    progress.add(outcome)
    finally:
        with signals_later():  # after a signal or an error, what is coded is kept
            pool.close()
            writer.finish()
            write_failures(folder, writer.failures)


def _left(sources: Sources, done: set[bytes], limit: int | None) -> Iterator[Recording]:
    count = 0
    for recording in sources.recordings():
        if recording.fault or fingerprint(recording.id) not in done:
            if limit is not None and count >= limit:
                return
            count += 1
            yield recording
