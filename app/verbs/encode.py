"""`nsvq encode`: recordings to .nsvq files."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.batch import Manner, coded_facts, coded_line, run_jobs
from app.files import NSVQ_SUFFIX, STANDARD, Job, plan_jobs
from app.options import (
    backend_option,
    checkpoint_option,
    effort_option,
    in_place_option,
    jobs_option,
    nearest_note,
    output_options,
    rate_options,
)
from app.work import Facts, Place, Progress, load_codec
from codec.ffmpeg import missing_ffmpeg, needs_missing_ffmpeg
from codec.formats import ALL, suffix_of

if TYPE_CHECKING:
    from codec.codec import Codec


@dataclass(frozen=True)
class Encode:
    """Codes one recording after the other."""

    checkpoint: str
    effort: int
    bitrate: float | None
    stages: int | None
    mono: bool
    force: bool
    backend: str = "numpy"

    def load(self) -> "Codec":
        """The codec, once it is known to have the bitrate."""
        codec = load_codec(self.checkpoint, self.effort, self.backend)
        codec.stages_for(self.bitrate, self.stages)
        return codec

    def __call__(self, source: Place, target: Place, progress: Progress) -> Facts:
        """Code a recording."""
        from codec.files import compress_file

        start = time.perf_counter()
        codec = self.load()
        num_stages = codec.stages_for(self.bitrate, self.stages)
        coded = compress_file(
            codec,
            source,
            target,
            num_stages=num_stages,
            mono=self.mono,
            force=self.force,
            progress=progress,
        )
        facts = coded_facts(coded)
        facts["notes"] += nearest_note(self.bitrate, codec.config.bitrate_kbps(num_stages))
        return {**facts, "elapsed_s": time.perf_counter() - start}


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="IN...")
@rate_options
@click.option("--mono", is_flag=True, help="Fold all channels into one: a fraction of the bytes.")
@checkpoint_option
@effort_option
@backend_option
@output_options
@in_place_option
@jobs_option
def command(
    *,
    inputs: tuple[str, ...],
    output: str | None,
    bitrate: float | None,
    stages: int | None,
    mono: bool,
    checkpoint: str,
    effort: int,
    backend: str,
    in_place: bool,
    manner: Manner,
) -> None:
    """Compress recordings to .nsvq files.

    wav, flac, ogg, mp3, opus, aiff and all else that libsndfile reads; m4a, mp4, webm and wma where
    ffmpeg is installed. Folders are searched and mirrored; "-" is standard input. Speech is coded
    up to 8 kHz, every channel on its own: stereo takes twice the bytes (--mono folds it). Tags are
    not kept.

    \b
    nsvq encode speech.wav                    writes speech.nsvq
    nsvq encode DIR -o DIR2 --bitrate 6       writes DIR2/<same name>.nsvq
    ... | nsvq encode - --bitrate 3 | ...
    """
    plan = plan_jobs(inputs, output, reads=ALL, writes=NSVQ_SUFFIX, in_place=in_place)
    for job in plan.jobs:
        _refuse_name(job)
    work = Encode(checkpoint, effort, bitrate, stages, mono, manner.force, backend)
    run_jobs(plan, work, manner, tell=coded_line, refuse=_why_not)


def _refuse_name(job: Job) -> None:
    """An output named like a recording would be taken for one."""
    if suffix_of(job.target) in ALL:
        raise click.UsageError(
            f"{job.target} is named like a recording; encode writes {NSVQ_SUFFIX} files "
            "(decode writes recordings)"
        )


def _why_not(source: Path) -> str | None:
    return missing_ffmpeg(source) if source != STANDARD and needs_missing_ffmpeg(source) else None
