"""Tables of a run's results as text in cells, for the terminal, the page and a README alike."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from training.evaluation.clips import SAMPLE_RATE
from training.evaluation.report.relatives import titled
from training.evaluation.statistics.results import Results, score_text
from training.evaluation.statistics.summary import Summary


class Cells(NamedTuple):
    """A table."""

    columns: tuple[str, ...]
    lines: Sequence[tuple[str, ...]]

    def markdown(self) -> list[str]:
        """Its lines in a Markdown document."""
        head, *rows = (f"| {' | '.join(row)} |" for row in (self.columns, *self.lines))
        return [head, f"|{'---|' * len(self.columns)}", *rows]


def scores(results: Results, metric: str) -> Cells:
    """One line a codec and bitrate: what it took, and how it scored in one metric."""
    columns = ("codec", "kbps on disk", "without container", "mean", "95 %", "n", "failed")
    lines = [
        (f"{s.system} {s.nominal_kbps:g}", number(s.kbps), number(s.payload_kbps),
         number(s.mean, 3), f"{number(s.low, 3)}…{number(s.high, 3)}", str(s.n), str(s.failures))
        for s in _summaries(results, metric)
    ]  # fmt: skip
    return Cells(columns, lines)


def with_lag(cells: Cells, results: Results, metric: str) -> Cells:
    """`scores` with one column more: by how much a codec's output was late."""
    lags = (number(1000 * s.lag / SAMPLE_RATE, 1) for s in _summaries(results, metric))
    lines = [(*line, lag) for line, lag in zip(cells.lines, lags, strict=True)]
    return Cells((*cells.columns, "lag (ms)"), lines)


def _summaries(results: Results, metric: str) -> list[Summary]:
    return [
        summary
        for name in results.systems
        for summary in results.summaries
        if (summary.system, summary.metric) == (name, metric)
    ]


def side_by_side(results: Results) -> Cells:
    """One line a codec and bitrate, one column a metric."""
    names = (f"{titled(results, name)} ± 95 %" for name in results.metrics)
    lines = [
        (system, number(point.payload_kbps), str(point.n),
         *(score_text(results, system, point.nominal_kbps, name) for name in results.metrics))
        for system in results.systems for point in results.curve(system, results.metrics[0])
    ]  # fmt: skip
    return Cells(("codec", "kbps", "n", *names), lines)


def bd_rates(results: Results) -> Cells:
    """One line a pair of codecs and metric: bitrate at equal score."""
    columns = ("codec against peer", "metric", "bitrate at equal score", "95 %", "over", "n")
    lines = []
    for b in results.bd_rates:
        found = "never meet", "", ""
        if math.isfinite(b.percent):
            span = f"{b.score_low:.3g}…{b.score_high:.3g}"
            found = f"{b.percent:+.1f} %", f"{b.interval_text(1)} %", span
        pair = f"{b.system} against {b.peer}"
        lines.append((pair, titled(results, b.metric), *found, str(b.n)))
    return Cells(columns, lines)


def number(value: float, digits: int = 2) -> str:
    """A dash for what is not known.

    >>> number(1.005, 1), number(math.nan)
    ('1.0', '–')
    """
    return f"{value:.{digits}f}" if math.isfinite(value) else "–"
