"""What `nsvq evaluate` prints: scores, bitrate at equal score, failures, changes."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from training.evaluation.jobs.rows import failures_by_clip
from training.evaluation.report.relatives import legend, titled, versions
from training.evaluation.statistics.results import score_text

if TYPE_CHECKING:
    from training.evaluation.statistics.paired_test import Change
    from training.evaluation.statistics.results import Results

_MOST_NAMED = 3


def print_results(results: "Results") -> None:
    """One table a metric, then BD-rates on stdout; failures on stderr."""
    console = Console()
    for metric in results.metrics:
        console.print(_score_table(results, metric))
    if len(results.metrics) > 1:
        console.print(_side_by_side(results))
    table = _bd_table(results)
    if table.row_count:
        console.print(table)
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


def _score_table(results: "Results", metric: str) -> Table:
    names = ("codec", "kbps on disk", "without container", "mean", "95 %", "n", "failed")
    table = Table(*names, title=titled(results, metric))
    for point in (p for name in results.systems for p in results.curve(name, metric)):
        rates = f"{point.kbps:.2f}", f"{point.payload_kbps:.2f}"
        scores = f"{point.mean:.3f}", f"{point.low:.3f}…{point.high:.3f}"
        counts = str(point.n), str(point.failures)
        table.add_row(f"{point.system} {point.nominal_kbps:g}", *rates, *scores, *counts)
    return table


def _side_by_side(results: "Results") -> Table:
    """One line a codec and bitrate, one column a metric."""
    table = Table("codec", "kbps", *(titled(results, name) for name in results.metrics))
    for system in results.systems:
        for point in results.curve(system, results.metrics[0]):
            texts = (score_text(results, system, point.nominal_kbps, m) for m in results.metrics)
            table.add_row(f"{system} {point.nominal_kbps:g}", f"{point.payload_kbps:.2f}", *texts)
    return table


def _bd_table(results: "Results") -> Table:
    names = ("codec against peer", "metric", "%", "95 %", "over", "n")
    table = Table(*names, title="Bitrate at equal score")
    for b in results.bd_rates:
        if math.isfinite(b.percent):
            spans = b.interval_text(1), f"{b.score_low:.3g}…{b.score_high:.3g}"
            pair = f"{b.system} against {b.peer}"
            table.add_row(pair, b.metric, f"{b.percent:+.1f}", *spans, str(b.n))
    return table
