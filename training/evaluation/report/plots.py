"""Pictures of a run, each a PNG that can be read in black and white."""

import io
from collections.abc import Callable, Sequence
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from training.evaluation.clips import SAMPLE_RATE
from training.evaluation.jobs.rows import Row
from training.evaluation.metrics.registry import METRICS
from training.evaluation.report.relatives import MARK, learners, titled
from training.evaluation.report.spectrogram import level_db
from training.evaluation.statistics.results import Results

STYLES = (
    ("#000000", "o", "-"), ("#c1440e", "s", "--"), ("#1f6fb2", "^", "-."), ("#2e8b57", "D", ":"),
    ("#8e5bb5", "v", (0, (5, 1))), ("#a67c00", "P", (0, (3, 1, 1, 1))),
    ("#5f6b6d", "X", (0, (1, 1))),
)  # fmt: skip
"""Colour, marker and dash of each system: the last two alone tell them apart."""
_MOST_BOXES = 8
_KBPS_TICKS = (0.5, 0.7, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)


def rate_plot(results: Results, metric: str) -> bytes:
    """Bitrate against a metric, one line a system, with the 95 % intervals of the means."""
    figure = Figure(figsize=(7.5, 4.8), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    rates: list[float] = []
    for system, (colour, marker, dash) in zip(results.systems, cycle(STYLES), strict=False):
        points = results.curve(system, metric)
        if not points:
            continue
        kbps, mean, low, high = (
            np.array([getattr(p, name) for p in points])
            for name in ("payload_kbps", "mean", "low", "high")
        )
        rates += kbps.tolist()
        axes.errorbar(
            kbps, mean, yerr=[mean - low, high - mean], color=colour, marker=marker, linestyle=dash,
            linewidth=2.2 if system in results.ours else 1.4, markersize=5, capsize=2.5,
            elinewidth=0.8, label=system,
        )  # fmt: skip
    _rate_axis(axes, rates)
    axes.set_ylabel(f"{titled(results, metric)}, mean over clips")
    note = f"; {MARK} trained on a relative" if learners(results, metric) else ""
    axes.set_title(
        f"{results.num_clips} clips; bars: 95 % bootstrap interval of the mean{note}", fontsize=9
    )
    axes.legend(frameon=False, fontsize=9)
    return _png(figure)


def spread_plot(
    results: Results, metric: str, focus: dict[str, float], group: Callable[[Row], str]
) -> bytes | None:
    """Scores by corpus or speaker, each system's mean; with few groups also boxes.

    A box ends at the quartiles, its whiskers at the 5th and 95th percentile.

    Args:
        focus: the bitrate shown of each system.
        group: a row's corpus or speaker.

    Returns:
        A PNG, or None if there is but one group.
    """
    rows = [r for r in results.rows if focus.get(r.system) == r.nominal_kbps and metric in r.scores]
    groups = sorted({group(row) for row in rows})
    systems = [name for name in results.systems if any(row.system == name for row in rows)]
    if len(groups) < 2:
        return None
    boxes = len(groups) <= _MOST_BOXES
    height = 1.4 + len(groups) * (0.15 * (len(systems) + 1) if boxes else 0.2)
    figure = Figure(figsize=(7.5, height), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    step = 0.8 / len(systems) if boxes else 0.0
    for index, (system, style) in enumerate(zip(systems, cycle(STYLES), strict=False)):
        mine = [row for row in rows if row.system == system]
        values = [[r.scores[metric] for r in mine if group(r) == name] for name in groups]
        places = np.arange(len(groups)) + step * (index - (len(systems) - 1) / 2)
        if boxes:
            axes.boxplot(values, positions=places, widths=0.7 * step, orientation="horizontal",
                         manage_ticks=False, showfliers=False, whis=(5, 95),
                         medianprops={"color": "#000000", "linewidth": 0.8})  # fmt: skip
        means = np.array([np.mean(v) if v else np.nan for v in values])
        axes.plot(means, places, style[1], color=style[0], markersize=4,
                  label=f"{system} at {focus[system]:g} kbps")  # fmt: skip
    axes.set_yticks(range(len(groups)), [name or "(none)" for name in groups], fontsize=8)
    axes.set_ylim(len(groups) - 0.4, -0.6)
    axes.set_xlabel(
        f"{METRICS[metric].title}: mean" + (", median, quartiles, 5 and 95 %" if boxes else "")
    )
    axes.grid(axis="y" if not boxes else "x", color="#dddddd", linewidth=0.6)
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    return _png(figure)


def cost_plot(results: Results, focus: dict[str, float]) -> bytes | None:
    """Processor time and memory of each system at its bitrate in `focus`."""
    points = [
        summary
        for name in results.systems
        for summary in results.curve(name, results.metrics[0])
        if focus.get(name) == summary.nominal_kbps and np.isfinite(summary.encode_rtf)
    ]
    if not points:
        return None
    figure = Figure(figsize=(7.5, 1.2 + 0.45 * len(points)), dpi=120, layout="constrained")
    times, memory = figure.subplots(1, 2, sharey=True)
    places = np.arange(len(points))
    for offset, name, hatch, shade in (
        (-0.2, "encode", "", "#444444"),
        (0.2, "decode", "//", "#dddddd"),
    ):
        values = [getattr(point, f"{name}_rtf") for point in points]
        times.barh(
            places + offset, values, 0.38, label=name, color=shade, hatch=hatch, edgecolor="k"
        )
    times.set_yticks(places, [f"{p.system} {p.nominal_kbps:g} kbps" for p in points], fontsize=8)
    memory.barh(places, [point.peak_mb for point in points], 0.6, color="#999999", edgecolor="k")
    _label_bars(times, "real-time factor (processor s per s of audio)")
    _label_bars(memory, "peak memory (MB)")
    figure.legend(*times.get_legend_handles_labels(), loc="outside upper center", ncols=2,
                  frameon=False, fontsize=8)  # fmt: skip
    times.invert_yaxis()
    return _png(figure)


def spectrogram_plot(waves: Sequence[tuple[str, np.ndarray]]) -> bytes:
    """Spectrograms side by side on one scale. Shape: of each wave [T] int16 at 16 kHz."""
    figure = Figure(figsize=(5.2 * len(waves), 2.6), dpi=90, layout="constrained")
    panels = figure.subplots(1, len(waves), sharey=True, squeeze=False)[0]
    image = None
    for axes, (title, wave) in zip(panels, waves, strict=True):
        level = level_db(wave / np.float32(32768), max_columns=4000)
        span = (0.0, len(wave) / SAMPLE_RATE, 0.0, SAMPLE_RATE / 2000)
        image = axes.imshow(level, origin="lower", aspect="auto", extent=span, cmap="magma",
                            vmin=-90.0, vmax=-10.0)  # fmt: skip
        axes.set_title(title, fontsize=9)
        axes.set_xlabel("time (s)")
    panels[0].set_ylabel("frequency (kHz)")
    if image is not None:
        figure.colorbar(image, ax=panels, label="level (dB)", pad=0.01)
    return _png(figure)


def _label_bars(axes: Axes, title: str) -> None:
    """A logarithmic axis over whole decades, and each bar's number behind it."""
    containers = [found for found in axes.containers if isinstance(found, BarContainer)]
    widths = [bar.get_width() for bars in containers for bar in bars]
    found = [width for width in widths if width > 0] or [1.0]
    axes.set_xscale("log")
    low, high = np.log10(min(found)), np.log10(max(found))
    axes.set_xlim(10.0 ** np.floor(low - 0.1), 10.0 ** (np.ceil(high) + 0.7))
    ticks = [10.0**power for power in range(int(np.floor(low - 0.1)), int(np.ceil(high)) + 1)]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks], fontsize=8)
    axes.xaxis.set_minor_locator(NullLocator())
    for bars in containers:
        axes.bar_label(bars, fmt="{:.3g}", padding=2, fontsize=7)
    axes.set_xlabel(title, fontsize=9)


def _rate_axis(axes: Axes, kbps: list[float]) -> None:
    """A logarithmic bitrate axis with plain numbers."""
    axes.set_xscale("log")
    low, high = (min(kbps) / 1.1, max(kbps) * 1.1) if kbps else (1.0, 10.0)
    axes.set_xlim(low, high)
    ticks = [tick for tick in _KBPS_TICKS if low <= tick <= high]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("bitrate (kbps, peers without container)")
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)


def _png(figure: Figure) -> bytes:
    target = io.BytesIO()
    FigureCanvasAgg(figure).print_png(target)
    return target.getvalue()
