"""`nsvq trim`: a smaller file from a bigger one, without the network."""

import click

from app.batch import Facts, Place, Progress, coded_facts, coded_line, run_jobs
from app.files import NSVQ_SUFFIX, plan_jobs
from app.options import output_options, rate_options, say_nearest
from codec.files import trim_path


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="IN...")
@rate_options
@output_options
def command(
    *,
    inputs: tuple[str, ...],
    output: str | None,
    bitrate: float | None,
    stages: int | None,
    force: bool,
    as_json: bool,
) -> None:
    """Cut .nsvq files to a lower bitrate.

    The result is, bit for bit, what encoding at that bitrate would have given.

    \b
    nsvq trim speech.nsvq -o small.nsvq --bitrate 3
    nsvq trim DIR -o DIR2 --bitrate 3
    """
    if bitrate is None and stages is None:
        raise click.UsageError("give the --bitrate or the number of --stages to keep")
    if output is None and inputs != ("-",):
        raise click.UsageError("give an --output")

    said: set[float] = set()

    def work(source: Place, target: Place, progress: Progress) -> Facts:
        coded = trim_path(source, target, bitrate_kbps=bitrate, num_stages=stages, force=force)
        say_nearest(bitrate, coded.header.bitrate_kbps(), said)
        return coded_facts(coded)

    jobs = plan_jobs(inputs, output, reads=(NSVQ_SUFFIX,), writes=NSVQ_SUFFIX)
    run_jobs(jobs, work, force=force, as_json=as_json, tell=coded_line)
