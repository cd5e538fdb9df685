"""Pictures as SVG text: spectrograms and curves that follow the page's light or dark colours.

Axes are SVG and take the page's text colour; only the spectrogram itself is an embedded PNG. Each
picture carries a title for screen readers.
"""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from matplotlib.image import imsave

from training.evaluation.report.spectrogram import RANGE_DB, level_db

WINDOW_S = 0.032
MAX_COLUMNS = 720
DIFFERENCE_DB = 30.0


@dataclass(frozen=True)
class Line:
    """One curve: points, a name and how it is told from the others without colour."""

    name: str
    points: Sequence[tuple[float, float]]
    dashed: bool = False


def spectrograms(original: np.ndarray, decoded: np.ndarray, sample_rate: int) -> str:
    """Original, decoded and their difference under each other, as HTML.

    Shape: original [T], decoded [T], both at `sample_rate`.
    """
    length = min(len(original), len(decoded))
    window = int(WINDOW_S * sample_rate) // 2 * 2
    first, second = (
        level_db(wave[:length], window, window // 4, MAX_COLUMNS) for wave in (original, decoded)
    )
    top = float(first.max())
    loud = np.maximum(first, second) > top - RANGE_DB + 10.0
    difference = np.where(loud, second - first, 0.0)
    extent = (length / sample_rate, sample_rate / 2000)
    levels = (top - RANGE_DB, top)
    scale = f"−{RANGE_DB:g} to 0 dB"
    signed = f"blue −{DIFFERENCE_DB:g} dB, red +{DIFFERENCE_DB:g} dB"
    panels = [
        _Panel(f"Original · {scale}", first, levels, "magma"),
        _Panel(f"Decoded · {scale}", second, levels, "magma"),
        _Panel(
            f"Decoded minus original · {signed}",
            difference,
            (-DIFFERENCE_DB, DIFFERENCE_DB),
            "RdBu_r",
            "signed",
        ),
    ]
    parts = "".join(_draw_panel(panel, extent) for panel in panels)
    return f'<div class="nsvq-pictures">{parts}</div>'


def lost_packets(lost: np.ndarray, packet_s: float, title: str) -> str:
    """When packets got lost, as HTML: a bar for each run of them.

    Shape: lost [packets] bool.
    """
    frame = _Frame((0.0, len(lost) * packet_s), (0.0, 1.0), width=540, height=80)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], lost, [False]]).astype(int)))
    bars = "".join(
        f'<rect class="lost" x="{frame.x(first * packet_s):.1f}" y="{frame.top}" '
        f'width="{frame.x(last * packet_s) - frame.x(first * packet_s):.1f}" '
        f'height="{frame.inner_height}"/>'
        for first, last in edges.reshape(-1, 2)
    )
    picture = frame.draw(bars, title, title, ("s", ""), "losses")
    return f'<div class="nsvq-pictures">{picture}</div>'


@dataclass(frozen=True)
class _Panel:
    """One spectrogram and how it is coloured."""

    caption: str
    level_db: np.ndarray
    limits_db: tuple[float, float]
    colours: str
    kind: str = "level"
    """"level", or "signed" where zero is the middle of the colours."""


def _draw_panel(panel: _Panel, extent: tuple[float, float]) -> str:
    """`extent` is (seconds, kHz)."""
    buffer = io.BytesIO()
    low, high = panel.limits_db
    imsave(
        buffer,
        panel.level_db,
        vmin=low,
        vmax=high,
        cmap=panel.colours,
        origin="lower",
        format="png",
    )
    image = base64.b64encode(buffer.getvalue()).decode()
    frame = _Frame((0.0, extent[0]), (0.0, extent[1]), width=540, height=170)
    body = (
        f'<image x="{frame.left}" y="{frame.top}" width="{frame.inner_width}" '
        f'height="{frame.inner_height}" preserveAspectRatio="none" '
        f'href="data:image/png;base64,{image}"/>'
    )
    title = f"Spectrogram: {panel.caption}"
    return frame.draw(body, panel.caption, title, ("s", "kHz"), panel.kind)


def curves(
    lines: Sequence[Line],
    title: str,
    axes: tuple[str, str],
    *,
    mark: tuple[float, str] | None = None,
    y_range: tuple[float, float] = (1.0, 4.65),
) -> str:
    """Lines over a common pair of axes, as HTML, with their names below if there are several.

    Args:
        axes: units of x and y.
        mark: where to draw an upright line, and what to write at it.
    """
    xs = [x for line in lines for x, _ in line.points] or [0.0, 1.0]
    frame = _Frame((0.0, max(xs) * 1.02), y_range, width=540, height=270)
    body = ""
    if mark is not None:
        body += _mark(frame, *mark)
    for index, line in enumerate(lines):
        body += _curve(frame, line, index)
    legend = _legend(lines) if len(lines) > 1 else ""
    return f'<div class="nsvq-pictures">{frame.draw(body, title, title, axes)}{legend}</div>'


def _mark(frame: "_Frame", value: float, text: str) -> str:
    x, floor = frame.x(value), frame.top + frame.inner_height
    anchor, gap = ("end", -6) if x > frame.width / 2 else ("start", 6)
    return (
        f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{frame.top}" y2="{floor}"/>'
        f'<text class="name" x="{x + gap:.1f}" y="{floor - 10}" text-anchor="{anchor}">'
        f"{escape(text)}</text>"
    )


def _legend(lines: Sequence[Line]) -> str:
    items = "".join(
        f'<li class="{_style(line, index)}">{escape(line.name)}</li>'
        for index, line in enumerate(lines)
    )
    return f'<ul class="nsvq-legend">{items}</ul>'


def _style(line: Line, index: int) -> str:
    """Classes that give a line its colour and dashes."""
    return f"line ink{index % 6}{' dashed' if line.dashed else ''}"


def _curve(frame: "_Frame", line: Line, index: int) -> str:
    places = [(frame.x(x), frame.y(y)) for x, y in line.points]
    if not places:
        return ""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5"><title>{escape(line.name)}: '
        f"{point[0]:.3g}, {point[1]:.3g}</title></circle>"
        for (x, y), point in zip(places, line.points, strict=True)
    )
    return f'<g class="{_style(line, index)}"><polyline points="{path}"/>{dots}</g>'


class _Frame:
    """Axes around a plot: maps values to places and draws ticks."""

    left, top, right, bottom = 46, 28, 18, 24

    def __init__(
        self, x_range: tuple[float, float], y_range: tuple[float, float], width: int, height: int
    ) -> None:
        self.x_range, self.y_range = x_range, y_range
        self.width, self.height = width, height
        self.inner_width = width - self.left - self.right
        self.inner_height = height - self.top - self.bottom

    def x(self, value: float) -> float:
        low, high = self.x_range
        return self.left + self.inner_width * (value - low) / ((high - low) or 1.0)

    def y(self, value: float) -> float:
        low, high = self.y_range
        return self.top + self.inner_height * (1.0 - (value - low) / ((high - low) or 1.0))

    def draw(
        self, body: str, caption: str, title: str, units: tuple[str, str], kind: str = "plot"
    ) -> str:
        """The finished picture: an SVG under its caption.

        Args:
            title: what screen readers say.
            units: of x and y.
            kind: class of the picture.
        """
        return (
            f'<figure class="{kind}"><figcaption>{escape(caption)}</figcaption>'
            f'<svg viewBox="0 0 {self.width} {self.height}" role="img" '
            f'aria-label="{escape(title)}">{self._axes(*units)}{body}</svg></figure>'
        )

    def _axes(self, x_unit: str, y_unit: str) -> str:
        """Ticks and numbers; the unit of x stands behind its last number, that of y on top.

        Without a unit of y there is no scale of y.
        """
        floor = self.top + self.inner_height
        ticks = f'<text x="2" y="14">{escape(y_unit)}</text>'
        x_values = _ticks(*self.x_range)
        for value in x_values:
            unit = f" {escape(x_unit)}" if value == x_values[-1] else ""
            end = "end" if unit and self.x(value) > self.width - 60 else "middle"
            ticks += (
                f'<line class="tick" x1="{self.x(value):.1f}" x2="{self.x(value):.1f}" '
                f'y1="{floor}" y2="{floor + 4}"/><text '
                f'x="{self.width - 2 if end == "end" else self.x(value):.1f}" '
                f'y="{floor + 19}" text-anchor="{end}">{value:g}{unit}</text>'
            )
        for value in _ticks(*self.y_range) if y_unit else ():
            ticks += (
                f'<line class="grid" x1="{self.left}" x2="{self.width - self.right}" '
                f'y1="{self.y(value):.1f}" y2="{self.y(value):.1f}"/>'
                f'<text x="{self.left - 7}" y="{self.y(value) + 4:.1f}" '
                f'text-anchor="end">{value:g}</text>'
            )
        return ticks


def _ticks(low: float, high: float, about: int = 6) -> list[float]:
    """Round values between `low` and `high`.

    >>> _ticks(0, 8), _ticks(1, 4.65)
    ([0.0, 2.0, 4.0, 6.0, 8.0], [1.0, 2.0, 3.0, 4.0])
    """
    span = (high - low) or 1.0
    power = 10.0 ** np.floor(np.log10(span / about))
    step = next(power * m for m in (1, 2, 5, 10) if span / (power * m) <= about)
    first = np.ceil(low / step - 1e-9) * step + 0.0
    return [round(float(v), 10) + 0.0 for v in np.arange(first, high + step * 1e-6, step)]
