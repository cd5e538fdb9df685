"""A run's log as a picture: one panel a kind of number, over steps."""

import io
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle, pairwise

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from codec.errors import TrainingError
from training.evaluation.report.plots import STYLES
from training.objective.losses import LOSSES
from training.recipe import Recipe
from training.run.log import Line
from training.run.schedule import learning_rate

Points = tuple[np.ndarray, np.ndarray]
"""Steps and values."""


def draw_curves(lines: Sequence[Line], recipe: Recipe | None = None) -> bytes:
    """A PNG of the panels that `lines` have numbers for.

    Args:
        lines: in the order of their steps.
        recipe: what the run followed: tells the learning rate and the phases where the log,
            written before it held them, does not, and the size of the codebooks.

    Raises:
        TrainingError: nothing to draw.
    """
    lines = [*lines, *_rates_of(recipe, lines)]
    drawn = [panel for panel in PANELS if panel_series(lines, panel)]
    if not drawn:
        raise TrainingError("the log holds nothing to draw yet")
    rows = -(-len(drawn) // 2)
    figure = Figure(figsize=(11.0, 0.6 + 2.7 * rows), dpi=110, layout="constrained")
    grid = figure.subplots(rows, 2, squeeze=False, sharex=True).flat
    starts = _phase_starts(lines, recipe)
    for axes, panel in zip(grid, drawn, strict=False):
        PANELS[panel](axes, panel_series(lines, panel))
        axes.set_title(panel, fontsize=10, loc="left")
        _mark_steps(axes, starts)
        if panel == "Perplexity of each stage" and recipe:
            axes.axhline(recipe.model.codebook_size / 2, color="k", linewidth=0.8, linestyle="--")
            axes.set_ylim(0, recipe.model.codebook_size)
    for axes in figure.axes[len(drawn) :]:
        axes.remove()
    note = "; grey: a new phase" if len(starts) > 1 else ""
    figure.supxlabel(f"steps{note}", fontsize=9)
    target = io.BytesIO()
    FigureCanvasAgg(figure).print_png(target)
    return target.getvalue()


def _mark_steps(axes: Axes, starts: Sequence[float]) -> None:
    """Plain numbers of steps, and a grey line where a phase begins."""
    for start in starts[1:]:
        axes.axvline(start, color="#bbbbbb", linewidth=0.8, zorder=0)
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.tick_params(labelbottom=True)


def panel_series(lines: Sequence[Line], panel: str) -> Mapping[str, Points]:
    """What a panel shows, by its label; numbers that are not finite are left out."""
    found: dict[str, list[tuple[float, float]]] = {}
    for line in lines:
        for name, value in line.items():
            if (label := _label(panel, name)) and np.isfinite(value):
                found.setdefault(label, []).append((line["step"], value))
    return {
        label: (np.array(points)[:, 0], np.array(points)[:, 1])
        for label, points in sorted(found.items(), key=lambda item: _order(item[0]))
    }


def _label(panel: str, name: str) -> str:
    """What a number of the log is called in a panel; empty if it isn't there."""
    kind, _, rest = name.partition("/")
    match panel, kind:
        case ("PESQ-WB on held-out clips", "pesq_wb") | ("STOI on held-out clips", "stoi"):
            return rest.replace("kbps", " kbps")
        case ("Perplexity of each stage", "perplexity") | ("Codewords used", "used"):
            return rest.replace("stage", "stage ")
        case ("Losses", _) if name in LOSSES or name == "latent":
            return name
        case ("Learning rate", "learning_rate") | ("Gradient norm", "gradient_norm"):
            return name.replace("_", " ")
        case ("Steps skipped a line of the log", "skipped"):
            return name
    return ""


def _order(label: str) -> tuple[float, str]:
    """Labels with a number by that number."""
    words = [word for word in label.split() if word.replace(".", "").isdecimal()]
    return (float(words[0]) if words else 0.0), label


def _lines(axes: Axes, series: Mapping[str, Points]) -> None:
    """A line each, with markers where there are few points."""
    for (label, (steps, values)), (colour, marker, dash) in zip(
        series.items(), cycle(STYLES), strict=False
    ):
        few = len(steps) <= 30
        axes.plot(steps, values, color=colour, linestyle=dash, linewidth=1.3, label=label,
                  marker=marker if few else None, markersize=3.5)  # fmt: skip
    if len(series) > 1:
        axes.legend(framealpha=0.85, edgecolor="none", fontsize=8, ncols=3)


def _logarithmic(axes: Axes, series: Mapping[str, Points]) -> None:
    _lines(axes, series)
    axes.set_yscale("log")


def _by_stage(axes: Axes, series: Mapping[str, Points]) -> None:
    """A line a stage, from dark (the first) to light; the first and the last are named."""
    colours = matplotlib.colormaps["viridis"](np.linspace(0.0, 0.9, len(series)))
    for number, (colour, (label, (steps, values))) in enumerate(
        zip(colours, series.items(), strict=True)
    ):
        named = label if number in (0, len(series) - 1) else None
        axes.plot(steps, values, color=colour, linewidth=1.2, label=named, marker="o", markersize=2)
    axes.legend(frameon=False, fontsize=8)


PANELS: dict[str, Callable[[Axes, Mapping[str, Points]], None]] = {
    "PESQ-WB on held-out clips": _lines,
    "STOI on held-out clips": _lines,
    "Losses": _logarithmic,
    "Learning rate": _lines,
    "Perplexity of each stage": _by_stage,
    "Codewords used": _by_stage,
    "Steps skipped a line of the log": _lines,
    "Gradient norm": _logarithmic,
}
"""Panels in reading order, each with what draws it."""


def _rates_of(recipe: Recipe | None, lines: Sequence[Line]) -> list[Line]:
    """The recipe's learning rate at the logged steps, where the log doesn't tell it."""
    if recipe is None or any("learning_rate" in line for line in lines):
        return []
    steps = [int(line["step"]) for line in lines if 0 < line["step"] <= recipe.num_steps]
    return [
        {"step": float(step), "learning_rate": learning_rate(*recipe.phase_at(step - 1))}
        for step in dict.fromkeys(steps)
    ]


def _phase_starts(lines: Sequence[Line], recipe: Recipe | None) -> list[float]:
    """The step before each phase's first line of the log, or as the recipe has it."""
    logged = [(line["step"], line["phase"]) for line in lines if "phase" in line]
    if logged:
        changes = [s for (s, p), (_, q) in pairwise(logged) if p != q]
        return [0.0, *changes]
    return list(np.cumsum([0, *(p.steps for p in recipe.phases[:-1])])) if recipe else [0.0]
