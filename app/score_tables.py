"""What `nsvq evaluate` prints: scores, bitrate at equal score, failures, changes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from training.evaluation.jobs.rows import failures_by_clip
from training.evaluation.report import tables
from training.evaluation.report.relatives import legend, titled, versions
from training.evaluation.report.tables import Cells

if TYPE_CHECKING:
    from training.evaluation.statistics.paired_test import Change
    from training.evaluation.statistics.results import Results

_MOST_NAMED = 3


def print_results(results: "Results") -> None:
    """One table a metric, then BD-rates on stdout; failures on stderr."""
    console = Console()
    for metric in results.metrics:
        console.print(_table(tables.scores(results, metric), titled(results, metric)))
    if len(results.metrics) > 1:
        console.print(_table(tables.side_by_side(results)))
    if results.bd_rates:
        console.print(_table(tables.bd_rates(results)))
    for line in (*legend(results), *versions(results)):
        click.echo(line)
    for clip, error, names in failures_by_clip(results.rows):
        click.echo(f"failed: {clip}: {error} ({_some(names)})", err=True)


def print_changes(changes: "Sequence[Change]", not_compared: Sequence[str]) -> None:
    """What got better or worse in one table, how often, and what was not compared."""
    names = ("codec", "what", "before", "after", "change", "p", "n", "verdict")
    table = Table(*names)
    for c in changes:
        numbers = f"{c.before:.3f}", f"{c.after:.3f}", f"{c.after - c.before:+.3f}", f"{c.p:.2g}"
        table.add_row(f"{c.system} {c.nominal_kbps:g}", c.metric, *numbers, str(c.n), c.verdict)
    Console().print(table)
    worse, better, same = (
        sum(change.verdict == verdict for change in changes)
        for verdict in ("worse", "better", "same")
    )
    click.echo(f"{worse} worse, {better} better, {same} the same")
    for line in not_compared:
        click.echo(f"nsvq: not compared, in the earlier run only: {line}", err=True)


def _some(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _table(cells: Cells, title: str = "") -> Table:
    table = Table(*cells.columns, title=title or None)
    for line in cells.lines:
        table.add_row(*line)
    return table
