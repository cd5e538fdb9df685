"""`nsvq evaluate`: bitrate against quality, beside other codecs."""

import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.options import comma_numbers, comma_words, engine_options, scoring_options
from app.packet_options import loss_options, lossy_settings
from app.scoring import decoded_folders, metric_names, run_session

if TYPE_CHECKING:
    from training.evaluation.systems.peers import Peer

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def _rates_by_peer(ctx: click.Context, param: click.Parameter,
                   texts: tuple[str, ...]) -> dict[str, tuple[float, ...]]:  # fmt: skip
    pairs = [text.partition("=") for text in texts]
    found = {name.strip(): comma_numbers(ctx, param, rates) for name, _, rates in pairs}
    if len(found) < len(pairs) or not all(found.values()):
        raise click.BadParameter(f"{' '.join(texts)!r} should read NAME=6,8 once for each peer")
    return found


def _custom_peers(
    ctx: click.Context, param: click.Parameter, texts: tuple[str, ...]
) -> "dict[str, Peer]":
    from training.evaluation.systems.peers import parse_peer

    pairs = [parse_peer(text) for text in texts]
    if len(dict(pairs)) < len(pairs):
        raise click.BadParameter("two peers have one name")
    return dict(pairs)


def _checkpoints(
    ctx: click.Context, param: click.Parameter, names: tuple[str, ...]
) -> tuple[str, ...]:
    return tuple(name for name in names if name != "none")


@click.command()
@click.option(
    "--data",
    type=click.Path(exists=True, path_type=Path),
    help="Folder of recordings, best as CORPUS/SPEAKER/CLIP.",
)
@click.option(
    "--checkpoint",
    "checkpoints",
    callback=_checkpoints,
    multiple=True,
    default=("default",),
    show_default=True,
    metavar="[NAME=]FILE[@EFFORT][@cbr]",
    help="Weights to score: default, default@8 for effort 8, default@cbr for a constant bitrate; "
    "may be repeated; 'none' for peers alone.",
)
@click.option(
    "--rates",
    "rates_kbps",
    callback=comma_numbers,
    default="",
    metavar="KBPS,...",
    help="Bitrates of the checkpoints, where they vary on average; all of them if not given.",
)
@click.option(
    "--peers",
    callback=comma_words,
    default="",
    metavar="NAME,...",
    help="Other codecs: opus, speex, codec2, amr-wb.",
)
@click.option(
    "--peer",
    "custom_peers",
    callback=_custom_peers,
    multiple=True,
    metavar="'NAME=ENCODE ; DECODE'|MODULE:NAME",
    help="Another codec by its commands, with {in} {code} {out} {kbps} {bps}, or a Peer of yours.",
)
@click.option(
    "--peer-rates",
    "peer_rates_kbps",
    multiple=True,
    callback=_rates_by_peer,
    metavar="NAME=KBPS,...",
    help="Bitrates of one peer.",
)
@click.option(
    "--metrics",
    callback=metric_names,
    default="pesq_wb,stoi,estoi",
    show_default=True,
    help="What to score; the first leads the report. 'natural' adds judges of naturalness.",
)
@click.option(
    "--metric",
    "more_metrics",
    multiple=True,
    metavar="MODULE:FUNCTION",
    help="A score of your own beside them: (reference, decoded, sample_rate) -> number.",
)
@click.option(
    "--decoded",
    callback=decoded_folders,
    multiple=True,
    metavar="NAME@KBPS=DIR",
    help="Clips that another codec decoded elsewhere, named like the originals; may be repeated.",
)
@loss_options
@scoring_options
@engine_options
@click.option("--seed", default=0, show_default=True, help="Of every draw.")
@click.option(
    "--results",
    "tables",
    multiple=True,
    type=_FILE,
    help="Per-clip CSV of another codec to draw beside; may be repeated.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("results"),
    show_default=True,
    help="Folder for clips.csv, results.json, report.html and plots.",
)
@click.option(
    "--focus",
    default=6.0,
    show_default=True,
    metavar="KBPS",
    help="Bitrate near which clips, spread and cost are compared.",
)
@click.option("--against", type=_FILE, help="An earlier results.json; exit 1 if this run is worse.")
@click.option(
    "--baseline",
    type=click.Path(path_type=Path),
    help="Write the results there too, for a later --against.",
)
@click.option("--readme", type=_FILE, help="Renew the curve and table in this Markdown file.")
def command(output: Path, focus: float, against: Path | None, baseline: Path | None,
            readme: Path | None, **options: Any) -> None:  # fmt: skip
    """Score checkpoints and other codecs on the same clips, bitrate against quality.

    Clips are coded into real files and scored on the 16-bit samples that come back. Finished scores
    are kept: a second run, or one that was interrupted, goes on where it was. Checkpoints make what
    `nsvq encode` makes, so their bitrate varies unless @cbr asks for a constant one.

    \b
    nsvq evaluate --data DIR --rates 1,1.5,2,3,4,6,8 --peers opus,codec2
    nsvq evaluate --data DIR --checkpoint default --checkpoint default@cbr
    nsvq evaluate --data DIR --results others.csv --readme README.md
    nsvq evaluate --data DIR --against results/results.json
    nsvq evaluate --data DIR --metrics natural --decoded lyra@6=DIR2
    nsvq evaluate --data DIR --rates 6 --loss 0,10,20 --peers opus --metrics loss
    """
    if options["data"] is None and not options["tables"]:
        raise click.UsageError("give --data (recordings to score) or --results (a table to draw)")
    if options["data"] is None and options["decoded"]:
        raise click.UsageError("--decoded needs --data: the recordings the clips were made from")
    options |= lossy_settings(options.pop("loss"), options.pop("burst"), options)
    options["metrics"] = tuple(dict.fromkeys((*options["metrics"], *options.pop("more_metrics"))))
    from app.score_tables import print_changes, print_results
    from training.evaluation.report.page import focus_rates, worst_rows, write_report
    from training.evaluation.report.readme_curve import write_curve
    from training.evaluation.session import Session, Settings
    from training.evaluation.statistics.paired_test import against as compare
    from training.evaluation.statistics.paired_test import not_compared
    from training.evaluation.statistics.results import read_json, write_json, write_results

    earlier = read_json(against) if against else None
    session = Session(Settings(command=_command_line(), **options))
    for line in session.notices:
        click.echo(f"nsvq: {line}", err=True)
    results = run_session(session)
    write_results(results, output)
    print_results(results)
    if not results.metrics:
        raise click.ClickException(f"nothing could be scored; {output / 'clips.csv'} says why")
    rates = focus_rates(results, focus)
    write_report(results, output, rates, session.samples(worst_rows(results, rates)))
    click.echo(f"{output / 'report.html'}, results.json, clips.csv")
    if baseline:
        write_json(results, baseline)
    if readme:
        write_curve(results, readme)
    if earlier:
        changes = compare(earlier, results)
        print_changes(changes, not_compared(earlier, results))
        if any(change.verdict == "worse" for change in changes):
            raise SystemExit(1)


def _command_line() -> str:
    """This call for the record; of paths outside this folder only the last part."""
    words = [re.sub(r"(^|=)(?:/|~|\.\.)\S*/(?=\S)", r"\1", word) for word in sys.argv[1:]]
    return shlex.join(["nsvq", *words])
