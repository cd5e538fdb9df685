"""One HTML page of a run that needs nothing but itself: tables, plots, worst clips to listen to."""

import base64
import html
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from codec.audio import write_audio
from training.evaluation.clips import SAMPLE_RATE
from training.evaluation.jobs.rows import Row, failures_by_clip
from training.evaluation.metrics.registry import METRICS
from training.evaluation.report import plots, tables
from training.evaluation.report.relatives import learners, legend, titled, versions
from training.evaluation.statistics.results import Results

LISTEN_S = 20
"""So much of a longer clip can be heard in the report."""
_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem;
       color: #1a1a1a; background: #fff }
h2 { margin-top: 2.2rem; border-bottom: 1px solid #ccc }
table { border-collapse: collapse; margin: .8rem 0; font-variant-numeric: tabular-nums }
th, td { padding: .15rem .7rem; text-align: right; border-bottom: 1px solid #e4e4e4 }
th:first-child, td:first-child, .words th, .words td { text-align: left }
.numbers td { white-space: nowrap }
.wide { overflow-x: auto }
img { max-width: 100%; height: auto } audio { width: 100%; display: block }
figure { margin: 1.2rem 0; overflow-x: auto } figcaption { font-size: .9em; color: #444 }
.waves { display: flex; gap: 1rem } .waves div { flex: 1; font-size: .9em }
@media print { audio { display: none } figure { break-inside: avoid } }
"""


@dataclass(frozen=True)
class Sample:
    """A clip to listen to: what went in and what came out."""

    row: Row
    reference: np.ndarray
    """[T] int16."""
    decoded: np.ndarray
    """[T'] int16."""


def worst_rows(results: Results, focus: dict[str, float], count: int = 5) -> list[Row]:
    """The `count` worst clips of each system at its bitrate in `focus`, by the first metric."""
    metric = results.metrics[0]
    worst: list[Row] = []
    for system, kbps in focus.items():
        rows = [row for row in results.rows if (row.system, row.nominal_kbps) == (system, kbps)]
        scored = sorted(
            (row for row in rows if metric in row.scores),
            key=lambda row: row.scores[metric],
            reverse=not METRICS[metric].higher_is_better,
        )
        worst += scored[:count]
    return worst


def focus_rates(results: Results, kbps: float) -> dict[str, float]:
    """Each system's bitrate nearest to `kbps`, as a ratio, among those with scores."""
    focus: dict[str, float] = {}
    for system in results.systems:
        rates = {row.nominal_kbps for row in results.rows if row.system == system and row.scores}
        if rates:
            focus[system] = min(rates, key=lambda rate: abs(math.log(rate / kbps)))
    return focus


def write_report(
    results: Results, folder: Path, focus: dict[str, float], samples: Sequence[Sample] = ()
) -> None:
    """`report.html` and its plots as PNG files in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = _pictures(results, focus)
    for name, (_, png) in pictures.items():
        (folder / f"{name}.png").write_bytes(png)
    date = html.escape(str(results.about.get("date", "")))
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><title>Speech codecs compared</title>",
        "<meta name=viewport content='width=device-width'>",
        f"<style>{_STYLE}</style><h1>Speech codecs compared</h1>",
        f"<p>{date} · {results.num_clips} clips · {len(results.failures)} failures</p>",
        *(_figure(text, png) for text, png in pictures.values()),
        "<h2>Bitrate at equal quality</h2>", _table(*tables.bd_rates(results)),
        "<h2>All bitrates</h2>", _table(*tables.side_by_side(results)),
        *(f"<p>{html.escape(line)}</p>" for line in (*legend(results), *versions(results))),
        *(_score_table(results, name) for name in results.metrics),
        f"<h2>Failures</h2>{_failure_table(results)}",
        f"<h2>Worst clips by {METRICS[results.metrics[0]].title}</h2>",
        *_worst_clips(samples, results.metrics),
        "<h2>What was run</h2>", _table((), _about_lines(results), "words"),
        "<h2>The metrics</h2>", _metric_table(results),
    ]  # fmt: skip
    (folder / "report.html").write_text("\n".join(parts), encoding="utf-8")


def _pictures(results: Results, focus: dict[str, float]) -> dict[str, tuple[str, bytes]]:
    """Caption and PNG of every plot by its file's name."""
    metric = results.metrics[0]
    found: dict[str, tuple[str, bytes | None]] = {
        f"rate_{name}": (f"Bitrate against {METRICS[name].title}.", plots.rate_plot(results, name))
        for name in results.metrics
    }
    found["corpora"] = (
        "Spread by corpus.",
        plots.spread_plot(results, metric, focus, lambda row: row.corpus),
    )
    found["speakers"] = (
        "Spread by speaker.",
        plots.spread_plot(results, metric, focus, lambda row: row.speaker),
    )
    found["cost"] = (
        "Processor time and memory, one thread. Programs count with their start; ours counts "
        "without it but with the memory of the whole evaluating process: see nsvq bench.",
        plots.cost_plot(results, focus),
    )
    return {name: (text, png) for name, (text, png) in found.items() if png is not None}


def _score_table(results: Results, metric: str) -> str:
    cells = tables.with_lag(tables.scores(results, metric), results, metric)
    return f"<h3>{html.escape(titled(results, metric))}</h3>{_table(*cells)}"


def _failure_table(results: Results) -> str:
    lines = [(*found, ", ".join(names)) for *found, names in failures_by_clip(results.rows)]
    return _table(("clip", "why", "codec and kbps"), lines, "words") if lines else "<p>None.</p>"


def _about_lines(results: Results) -> Iterator[tuple[str, str]]:
    for name, value in results.about.items():
        pairs = value.items() if isinstance(value, Mapping) else ()
        yield (
            name.replace("_", " "),
            "; ".join(f"{k}: {v}" for k, v in pairs) if pairs else str(value or "none"),
        )


def _metric_table(results: Results) -> str:
    lines = []
    for name in results.metrics:
        metric = METRICS[name]
        better = "higher" if metric.higher_is_better else "lower"
        ends = " … ".join(_bound(end) for end in sorted((metric.low, metric.high)))
        kind = "reference and decoded" if metric.uses_reference else "decoded alone"
        trained = ", ".join(learners(results, name)) or "none of ours that say"
        lines.append((metric.title, better, ends, kind, trained, metric.deaf_to))
    columns = ("metric", "better", "range", "hears", "trained on it or a relative", "deaf to")
    return _table(columns, lines, "words")


def _bound(end: float) -> str:
    return f"{end:g}" if math.isfinite(end) else "∞" if end > 0 else "−∞"


def _worst_clips(samples: Sequence[Sample], metrics: Sequence[str]) -> Iterator[str]:
    """A heading a codec, then its clips."""
    if not samples:
        yield "<p>No decoded waves are at hand.</p>"
    for name, group in groupby(samples, lambda sample: _title(sample.row)):
        yield f"<h3>{html.escape(name)}</h3>"
        yield from (_sample(sample, metrics) for sample in group)


def _title(row: Row) -> str:
    return f"{row.system} at {row.nominal_kbps:g} kbps"


def _sample(sample: Sample, metrics: Sequence[str]) -> str:
    row, title = sample.row, _title(sample.row)
    span = slice(LISTEN_S * SAMPLE_RATE)
    waves = ("reference", sample.reference[span]), (title, sample.decoded[span])
    scores = ", ".join(
        f"{METRICS[m].title} {row.scores[m]:.3f}" for m in metrics if m in row.scores
    )
    picture = plots.spectrogram_plot(waves)
    players = "".join(
        f"<div>{html.escape(name)}<audio controls src='{_flac_uri(wave)}'></audio></div>"
        for name, wave in waves
    )
    cut = f" (first {LISTEN_S} s)" if len(sample.reference) > LISTEN_S * SAMPLE_RATE else ""
    caption = f"<b>{html.escape(row.clip)}</b>{cut}. {scores}"
    return (
        f"<figure><figcaption>{caption}</figcaption>{_image(picture, title)}"
        f"<div class=waves>{players}</div></figure>"
    )


def _figure(text: str, png: bytes) -> str:
    return f"<figure>{_image(png, text)}<figcaption>{html.escape(text)}</figcaption></figure>"


def _image(png: bytes, text: str) -> str:
    data = base64.b64encode(png).decode()
    return f"<img alt='{html.escape(text, quote=True)}' src='data:image/png;base64,{data}'>"


def _flac_uri(wave: np.ndarray) -> str:
    target = io.BytesIO()
    write_audio(target, wave[None] / np.float32(32768), SAMPLE_RATE, "flac")
    return f"data:audio/flac;base64,{base64.b64encode(target.getvalue()).decode()}"


def _table(
    columns: Iterable[object], lines: Iterable[Iterable[object]], style: str = "numbers"
) -> str:
    head = "".join(f"<th>{html.escape(str(column))}" for column in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(str(cell))}" for cell in line) for line in lines
    )
    return f"<div class=wide><table class={style}><tr>{head}{body}</table></div>"
