"""`nsvq encode`: recordings to .nsvq files."""

from pathlib import Path

import click
from click.core import ParameterSource

from app.batch import Manner, run_jobs
from app.coding import Encode, coded_line
from app.files import NSVQ_SUFFIX, STANDARD, Job, plan_jobs
from app.options import (
    backend_option,
    checkpoint_option,
    device_option,
    effort_option,
    in_place_option,
    jobs_option,
    output_options,
    rate_options,
    vbr_option,
)
from codec.ffmpeg import missing_ffmpeg, needs_missing_ffmpeg
from codec.formats import ALL, suffix_of


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="IN...")
@rate_options
@vbr_option
@click.option("--mono", is_flag=True, help="Fold all channels into one: a fraction of the bytes.")
@click.option("--tags", is_flag=True, help="Keep title, artist, date and the source's format.")
@click.option(
    "--chunk",
    "chunk_s",
    type=click.FloatRange(min=0.0, min_open=True),
    metavar="SECONDS",
    help="Length of a chunk, the unit of loss where a file is cut; if not given about one second, "
    "four where the bitrate varies.",
)
@checkpoint_option
@effort_option
@backend_option
@device_option
@output_options
@in_place_option
@jobs_option
def command(
    *,
    inputs: tuple[str, ...],
    output: str | None,
    bitrate: float | None,
    stages: int | None,
    vbr: bool,
    mono: bool,
    tags: bool,
    chunk_s: float | None,
    checkpoint: str,
    effort: int,
    backend: str,
    device: str,
    in_place: bool,
    manner: Manner,
) -> None:
    """Compress recordings to .nsvq files.

    wav, flac, ogg, mp3, opus, aiff and all else that libsndfile reads; m4a, mp4, webm and wma where
    ffmpeg is installed. Folders are searched and mirrored; "-" is standard input. Speech is coded
    up to 8 kHz, every channel on its own: stereo takes twice the bytes (--mono folds it).

    The bitrate varies with what is said (--cbr keeps it constant) unless it is the highest. The
    file is no longer than with --cbr.

    A wav that comes through a pipe is coded while it comes, at a constant bitrate, and its file
    grows; Ctrl-C ends it. What is whole of a file that was cut short can be decoded.

    \b
    nsvq encode speech.wav                    writes speech.nsvq
    nsvq encode DIR -o DIR2 --bitrate 6       writes DIR2/<same name>.nsvq
    ... | nsvq encode - --bitrate 3 | ...
    arecord -f S16_LE -r 16000 | nsvq encode - -o talk.nsvq
    """
    plan = plan_jobs(inputs, output, reads=ALL, writes=NSVQ_SUFFIX, in_place=in_place)
    for job in plan.jobs:
        _refuse_name(job)
    given = click.get_current_context().get_parameter_source("vbr") is ParameterSource.COMMANDLINE
    work = Encode(
        checkpoint, effort, bitrate, stages, mono, manner.force, backend, device, chunk_s, tags,
        vbr, vbr_asked=vbr and given,
    )  # fmt: skip
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
