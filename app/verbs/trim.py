"""`nsvq trim`: a smaller file from a bigger one, without the network."""

from dataclasses import dataclass

import click

from app.batch import Manner, coded_facts, coded_line, run_jobs
from app.files import NSVQ_SUFFIX, plan_jobs
from app.options import nearest_note, output_options, rate_options
from app.work import Facts, Place, Progress
from codec.files import trim_path


@dataclass(frozen=True)
class Trim:
    """Cuts one file after the other."""

    bitrate: float | None
    stages: int | None
    force: bool

    def load(self) -> None:
        """Nothing is needed: the network stays out of it."""

    def __call__(self, source: Place, target: Place, progress: Progress) -> Facts:
        """Cut a file."""
        coded = trim_path(
            source, target, bitrate_kbps=self.bitrate, num_stages=self.stages, force=self.force
        )
        facts = coded_facts(coded)
        facts["notes"] += nearest_note(self.bitrate, coded.header.bitrate_kbps())
        return facts


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

    The result is, bit for bit, what encoding at that bitrate with --effort 1 would have given. Of
    a file that was encoded with a wider search it is a sound file too, just not the same bits.

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
