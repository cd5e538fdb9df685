"""`nsvq trim`: a smaller file from a bigger one, without the network."""

import click

from app.batch import Manner, run_jobs
from app.coding import Trim, coded_line
from app.files import NSVQ_SUFFIX, plan_jobs
from app.options import output_options, rate_options


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
    manner: Manner,
) -> None:
    """Cut .nsvq files to a lower bitrate.

    Of a file of constant bitrate the result is, bit for bit, what encoding with --cbr --effort 1 at
    that bitrate would have given; after a wider search it is a sound file too, just not the same
    bits. Where the bitrate varies, frames lose about as many stages each, but none its first.

    A file of the highest bitrate is constant, and so is what is trimmed from it: encoding at the
    lower bitrate sounds better.

    \b
    nsvq trim speech.nsvq -o small.nsvq --bitrate 3
    nsvq trim DIR -o DIR2 --bitrate 3
    """
    if bitrate is None and stages is None:
        raise click.UsageError("give the --bitrate or the number of --stages to keep")
    if output is None and inputs != ("-",):
        raise click.UsageError("give an --output")

    plan = plan_jobs(inputs, output, reads=(NSVQ_SUFFIX,), writes=NSVQ_SUFFIX)
    run_jobs(plan, Trim(bitrate, stages, manner.force), manner, tell=coded_line)
