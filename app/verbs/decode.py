"""`nsvq decode`: .nsvq files to recordings."""

import time

import click

from app.batch import Facts, Place, Progress, coded_facts, coded_line, run_jobs
from app.files import NSVQ_SUFFIX, plan_jobs
from app.options import checkpoint_option, output_options, rate_options, say_nearest


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
@output_options
def command(
    *,
    inputs: tuple[str, ...],
    output: str | None,
    bitrate: float | None,
    stages: int | None,
    audio_format: str | None,
    checkpoint: str,
    force: bool,
    as_json: bool,
) -> None:
    """Rebuild recordings from .nsvq files, as 16-bit wav or flac.

    Sample rate, channels and length are those that were coded. With a bitrate, only that much of
    each file is used.

    \b
    nsvq decode speech.nsvq                   writes speech.wav
    nsvq decode DIR2 -o DIR3                  writes DIR3/<same name>.wav
    nsvq decode speech.nsvq -o - | ...
    """
    jobs = plan_jobs(inputs, output, reads=(NSVQ_SUFFIX,), writes=f".{audio_format or 'wav'}")
    for job in jobs:
        if audio_format and job.target.suffix in {".wav", ".flac"} - {f".{audio_format}"}:
            raise click.UsageError(f"{job.target} isn't what --format {audio_format} writes")
    from codec import Codec
    from codec.files import decompress_file

    codec = Codec.load(checkpoint)
    said: set[float] = set()

    def work(source: Place, target: Place, progress: Progress) -> Facts:
        start = time.perf_counter()
        coded = decompress_file(
            codec,
            source,
            target,
            bitrate_kbps=bitrate,
            num_stages=stages,
            format=audio_format,
            force=force,
            progress=progress,
        )
        used = coded.header.held_stages(bitrate, stages)
        say_nearest(bitrate, coded.header.bitrate_kbps(used), said)
        return {**coded_facts(coded), "used_stages": used, "elapsed_s": time.perf_counter() - start}

    run_jobs(jobs, work, force=force, as_json=as_json, tell=coded_line)
