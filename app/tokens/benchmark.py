"""What tokens cost here, and what ten thousand and a million hours would: a page in Markdown.

    taskset -c 1 python -m app.tokens.benchmark --clips 500,2000 --jobs 1 --engines local,ray

Each run is `nsvq tokens` in a process of its own on clips made for it. What is measured is told
apart from what is computed from it. Wall time is of use on a machine with nothing else to do; what
is counted in processor time is not much disturbed by others.
"""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import soundfile

from app.options import comma_numbers, comma_words
from app.tokens.counted import run_counted
from codec.catalog import describe_checkpoint, find_checkpoint
from codec.temporary import TemporaryFolder

SHARD_MB = 256.0
CLIP_S = 10.0
"""Mean length of a clip in a corpus of speech, for what depends on the number of clips."""
BYTES_AN_ID = 97
"""Of memory for each recording's fingerprint: a bytes object of 16 and its place in a set."""
SOURCE_MB_AN_HOUR = 16_000 * 2 * 3600 / 1e6
HOURS = (10_000, 1_000_000)
CORES = (2, 64, 1_000)


@dataclass(frozen=True)
class Measured:
    """One run."""

    engine: str
    jobs: int
    clips: int
    hours: float
    elapsed_s: float
    """From the engine's start to the last shard."""
    processor_s: float
    """That the workers spent on recordings, start-up not counted."""
    total_s: float
    """Processor time of all processes of the run, start-up and end included."""
    peak_mb: float
    """Of the process that reads the list and writes the shards."""
    worker_peak_mb: float
    mb: float

    @property
    def per_core_hour(self) -> float:
        """Hours of audio coded in an hour of one core, from the workers' processor time."""
        return self.hours * 3600.0 / self.processor_s


def make_clips(folder: Path, num_clips: int, mean_s: float) -> None:
    """16 kHz clips of 0.2 to 1.8 times `mean_s`; their content does not change the cost."""
    random = np.random.default_rng(0)
    folder.mkdir()
    for index in range(num_clips):
        noise = random.standard_normal(int(random.uniform(0.2, 1.8) * mean_s * 16_000))
        soundfile.write(folder / f"{index:07d}.wav", (3_000 * noise).astype(np.int16), 16_000)


def measure(folder: Path, engine: str, jobs: int, words: Sequence[str]) -> Measured:
    """One run over `folder`."""
    with TemporaryFolder("bench") as place:
        command = [sys.executable, "-m", "app", "tokens", str(folder), "-o", f"{place}/out"]
        command += ["--engine", engine, "--jobs", str(jobs), "--json", *words]
        # Ray would let its workers wait for every other program on the machine
        environment = {"RAY_worker_niceness": "0", **os.environ}
        output, total_s = run_counted(command, environment)
        told = json.loads(output)
    return Measured(
        engine,
        jobs,
        told["coded"],
        told["hours"],
        told["elapsed_s"],
        told["processor_s"],
        total_s,
        told["peak_mb"],
        told["worker_peak_mb"],
        told["bytes"] / 1e6,
    )


def table(runs: Sequence[Measured]) -> Iterator[str]:
    """The runs, in Markdown."""
    names = ("engine", "jobs", "clips", "hours", "wall × real time", "workers' s", "all s",
             "hours a core-hour", "MB an hour", "peak MB", "worker's")  # fmt: skip
    yield f"| {' | '.join(names)} |"
    yield f"|{'---|' * len(names)}"
    for run in runs:
        yield (
            f"| {run.engine} | {run.jobs} | {run.clips:,} | {run.hours:.2f} | "
            f"{run.hours * 3600 / run.elapsed_s:,.0f} | {run.processor_s:.1f} | "
            f"{run.total_s:.1f} | {run.per_core_hour:,.0f} | {run.mb / run.hours:.2f} | "
            f"{run.peak_mb:,.0f} | {run.worker_peak_mb:,.0f} |"
        )


def marginal(runs: Sequence[Measured]) -> Iterator[str]:
    """What more clips cost with everything counted: the longest run less the shortest, in Markdown.

    Start-up is in both and so in neither.
    """
    yield "| engine | jobs | hours | all s | hours a core-hour |"
    yield f"|{'---|' * 5}"
    for engine, jobs in dict.fromkeys((run.engine, run.jobs) for run in runs):
        same = [run for run in runs if (run.engine, run.jobs) == (engine, jobs)]
        short, long = min(same, key=lambda r: r.hours), max(same, key=lambda r: r.hours)
        hours, spent_s = long.hours - short.hours, long.total_s - short.total_s
        if spent_s > 0.0:
            rate = hours * 3600.0 / spent_s
            yield f"| {engine} | {jobs} | {hours:.2f} | {spent_s:.1f} | {rate:,.0f} |"


def extrapolated(per_core_hour: float, mb_an_hour: float) -> Iterator[str]:
    """What corpora would cost at this speed and size, in Markdown: computed, not measured.

    >>> lines = list(extrapolated(100.0, 2.5))
    >>> lines[2]
    '| core-hours | 100 | 10,000 |'
    """
    rows = {
        "core-hours": [hours / per_core_hour for hours in HOURS],
        **{
            f"wall time on {cores:,} cores, h": [hours / per_core_hour / cores for hours in HOURS]
            for cores in CORES
        },
        "shards written, GB": [hours * mb_an_hour / 1e3 for hours in HOURS],
        f"shards of {SHARD_MB:g} MB": [max(1, hours * mb_an_hour / SHARD_MB) for hours in HOURS],
        "16-bit wav read, TB": [hours * SOURCE_MB_AN_HOUR / 1e6 for hours in HOURS],
        f"clips of {CLIP_S:g} s, millions": [hours * 3600 / CLIP_S / 1e6 for hours in HOURS],
        "fingerprints in memory, GB": [
            2 * hours * 3600 / CLIP_S * BYTES_AN_ID / 1e9 for hours in HOURS
        ],
        "read by 1,000 cores, MB/s": [
            1_000 * per_core_hour * SOURCE_MB_AN_HOUR / 3600 for _ in HOURS
        ],
        "sent to the writer by 1,000 cores, MB/s": [
            1_000 * per_core_hour * 1.6 * mb_an_hour / 3600 for _ in HOURS
        ],
    }
    yield f"| | {' | '.join(f'{hours:,} h' for hours in HOURS)} |"
    yield "|---|---|---|"
    for name, values in rows.items():
        yield f"| {name} | {' | '.join(_number(value) for value in values)} |"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


@click.command()
@click.option("--clips", callback=comma_numbers, default="500,2000", show_default=True)
@click.option("--seconds", default=4.0, show_default=True, help="Mean length of a clip.")
@click.option("--jobs", callback=comma_numbers, default="1,2", show_default=True)
@click.option("--engines", callback=comma_words, default="local", show_default=True)
@click.option("--checkpoint", default="default", show_default=True)
@click.option("--stages", type=int, help="All of the checkpoint's if not given.")
def main(
    *,
    clips: tuple[float, ...],
    seconds: float,
    jobs: tuple[float, ...],
    engines: tuple[str, ...],
    checkpoint: str,
    stages: int | None,
) -> None:
    """Measure `nsvq tokens` here and extrapolate."""
    info = describe_checkpoint(find_checkpoint(checkpoint))
    stages = stages or info.config.num_stages
    words = ["--checkpoint", str(info.path.resolve()), "--stages", str(stages)]
    runs = []
    for count in map(int, clips):
        with TemporaryFolder("bench") as place:
            make_clips(place / "in", count, seconds)
            for engine in engines:
                runs += [measure(place / "in", engine, int(n), words) for n in jobs]
    click.echo(f"{info.name} (model {info.model_id.hex()}), {stages} stages, measured:\n")
    click.echo("\n".join(table(runs)))
    click.echo("\nThe longest run less the shortest:\n")
    click.echo("\n".join(marginal(runs)))
    slowest = min((run for run in runs if run.engine == "local"), key=lambda r: r.per_core_hour)
    click.echo(f"\nComputed from {slowest.per_core_hour:,.0f} hours a core-hour:\n")
    click.echo("\n".join(extrapolated(slowest.per_core_hour, slowest.mb / slowest.hours)))


if __name__ == "__main__":
    main()
