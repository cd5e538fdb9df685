"""`nsvq decode`: .nsvq files to recordings."""

import click

from app.batch import Manner, run_jobs
from app.coding import Decode, coded_line
from app.files import NSVQ_SUFFIX, STANDARD, Job, named_format, plan_jobs
from app.options import (
    backend_option,
    checkpoint_option,
    device_option,
    in_place_option,
    jobs_option,
    output_options,
    rate_options,
)


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="IN...")
@rate_options
@click.option(
    "--format",
    "audio_format",
    type=click.Choice(["wav", "flac"]),
    help="Kind of recording; by the suffix of --output if not given, wav without one.",
)
@checkpoint_option
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
    audio_format: str | None,
    checkpoint: str,
    backend: str,
    device: str,
    in_place: bool,
    manner: Manner,
) -> None:
    """Rebuild recordings from .nsvq files, as 16-bit wav or flac.

    Sample rate, channels and length are those that were coded. With a bitrate, only that much of
    each file is used.

    \b
    nsvq decode speech.nsvq                   writes speech.wav
    nsvq decode DIR2 -o DIR3                  writes DIR3/<same name>.wav
    nsvq decode speech.nsvq -o - | ...
    """
    writes = f".{audio_format or 'wav'}"
    plan = plan_jobs(inputs, output, reads=(NSVQ_SUFFIX,), writes=writes, in_place=in_place)
    for job in plan.jobs:
        _refuse_name(job, audio_format)
    work = Decode(checkpoint, bitrate, stages, audio_format, manner.force, backend, device)
    run_jobs(plan, work, manner, tell=coded_line)


def _refuse_name(job: Job, audio_format: str | None) -> None:
    """An output must be named like what is written into it."""
    if audio_format and job.target.suffix in {".wav", ".flac"} - {f".{audio_format}"}:
        raise click.UsageError(f"{job.target} isn't what --format {audio_format} writes")
    if not audio_format and job.target != STANDARD:
        named_format(job.target)
