"""`nsvq encode`: recordings to .nsvq files."""

import time

import click

from app.batch import Facts, Place, Progress, coded_facts, coded_line, run_jobs
from app.files import AUDIO_SUFFIXES, NSVQ_SUFFIX, plan_jobs
from app.options import checkpoint_option, effort_option, output_options, rate_options, say_nearest


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="IN...")
@rate_options
@checkpoint_option
@effort_option
@output_options
def command(
    *,
    inputs: tuple[str, ...],
    output: str | None,
    bitrate: float | None,
    stages: int | None,
    checkpoint: str,
    effort: int,
    force: bool,
    as_json: bool,
) -> None:
    """Compress recordings (wav, flac, ogg, mp3) to .nsvq files.

    Folders are searched and mirrored; "-" is standard input. Speech is coded up to 8 kHz, every
    channel on its own.

    \b
    nsvq encode speech.wav                    writes speech.nsvq
    nsvq encode DIR -o DIR2 --bitrate 6       writes DIR2/<same name>.nsvq
    ... | nsvq encode - --bitrate 3 | ...
    """
    jobs = plan_jobs(inputs, output, reads=AUDIO_SUFFIXES, writes=NSVQ_SUFFIX)
    from codec import Codec
    from codec.files import compress_file

    codec = Codec.load(checkpoint, effort=effort)
    num_stages = codec.stages_for(bitrate, stages)
    say_nearest(bitrate, codec.config.bitrate_kbps(num_stages), set())

    def work(source: Place, target: Place, progress: Progress) -> Facts:
        start = time.perf_counter()
        coded = compress_file(
            codec, source, target, num_stages=num_stages, force=force, progress=progress
        )
        return {**coded_facts(coded), "elapsed_s": time.perf_counter() - start}

    run_jobs(jobs, work, force=force, as_json=as_json, tell=coded_line)
