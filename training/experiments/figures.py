"""Pictures of results, each as PNG and PDF."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.experiments.tables import Row

matplotlib.rcParams.update({"font.size": 9, "axes.grid": True, "grid.alpha": 0.3})


def new_figure(panels: int) -> tuple[Figure, list[Axes]]:
    """A figure of `panels` plots side by side."""
    figure = Figure(figsize=(4.2 * panels, 3.4), layout="constrained")
    return figure, list(figure.subplots(1, panels, squeeze=False)[0])


def draw_lines(axes: Axes, rows: Sequence[Row], x: str, y: str, by: str = "method") -> None:
    """One line for each value of `by`, with bars where rows have an interval.

    Dashes, thinner line after line, let those that coincide shine through.
    """
    labels = list(dict.fromkeys(row[by] for row in rows))
    for index, label in enumerate(labels):
        mine = [row for row in rows if row[by] == label]
        spread = [row.get("plus_minus", 0.0) for row in mine]
        axes.errorbar(
            [row[x] for row in mine],
            [row[y] for row in mine],
            spread if any(spread) else None,
            label=label,
            capsize=2,
            marker=".",
            linestyle=("-", "--")[index % 2],
            linewidth=2.5 - 1.5 * index / len(labels),
        )
    axes.locator_params(axis="x", nbins=5, integer=all(isinstance(row[x], int) for row in rows))
    axes.set_xlabel(x)
    axes.set_ylabel(y)


def scale_errors(axes: Axes, values: Sequence[float]) -> None:
    """Logarithmic if `values` differ much; bars that reach below all of them are cut."""
    if max(values) > 4.0 * min(values):
        axes.set_yscale("log")
        axes.set_ylim(bottom=0.8 * min(values))


def add_legend(figure: Figure, axes: Axes) -> None:
    """The lines of `axes`, at the figure's right edge."""
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right center", fontsize=7)


def save_figure(figure: Figure, folder: Path, name: str) -> None:
    """Write `figure` to `folder` as NAME.png and NAME.pdf."""
    for suffix in ("png", "pdf"):
        figure.savefig(folder / f"{name}.{suffix}", dpi=110)
