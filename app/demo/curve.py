"""The Evaluate tab's work: bitrate against PESQ over a visitor's own clips."""

import csv
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from app.demo.pictures import Line, curves
from app.demo.studio import Clip, Studio, plain_message
from codec.errors import CodecError

COLUMNS = ("clip", "kbps", "kbps_on_disk", "pesq_wb", "stoi")
MAX_CLIPS = 10
_DRAWER = ThreadPoolExecutor(1, "drawer")
"""matplotlib opens its fonts anew in every thread that draws, and keeps them open."""


@dataclass(frozen=True)
class Point:
    """One clip at one rate."""

    clip: str
    kbps: float
    kbps_on_disk: float
    pesq_wb: float
    stoi: float


@dataclass(frozen=True)
class Step:
    """Where a measurement stands: the share done, what is next, and what failed."""

    done: float
    doing: str
    points: tuple[Point, ...]
    failures: tuple[str, ...]


def measure(studio: Studio, paths: Sequence[str | Path], num_rates: int = 6) -> Iterator[Step]:
    """Score each clip at `num_rates` rates; a `Step` after every single score."""
    clips = [Path(path) for path in paths][:MAX_CLIPS]
    stages = studio.sampled_stages(num_rates)
    points: list[Point] = []
    failures = [
        f"{Path(path).name}: left out, {MAX_CLIPS} clips at a time"
        for path in list(paths)[MAX_CLIPS:]
    ]
    for index, path in enumerate(clips):
        yield Step(index / len(clips), f"encoding {path.name}", tuple(points), tuple(failures))
        try:
            clip = studio.open_clip(path)
            for number, count in enumerate(stages):
                points.append(_point(studio, clip, count))
                done = (index + (number + 1) / len(stages)) / len(clips)
                yield Step(done, path.name, tuple(points), tuple(failures))
        except CodecError as error:
            failures.append(f"{path.name}: {plain_message(error)}")
    yield Step(1.0, "done", tuple(points), tuple(failures))


def _point(studio: Studio, clip: Clip, num_stages: int) -> Point:
    scores = studio.score_clip(clip, num_stages)
    size = studio.file_bytes(clip, num_stages)
    return Point(
        clip.name,
        studio.codec.config.bitrate_kbps(num_stages),
        8.0 * size / clip.seconds / 1000.0,
        scores["pesq_wb"],
        scores["stoi"],
    )


def means(points: Sequence[Point]) -> list[Point]:
    """The mean over clips at each nominal rate, lowest first.

    >>> means([Point("a", 2, 2.25, 2.0, 0.75), Point("b", 2, 2.75, 3.0, 1.0)])
    [Point(clip='mean', kbps=2, kbps_on_disk=2.5, pesq_wb=2.5, stoi=0.875)]
    """
    found = []
    for kbps in sorted({point.kbps for point in points}):
        same = [(p.kbps_on_disk, p.pesq_wb, p.stoi) for p in points if p.kbps == kbps]
        found.append(Point("mean", kbps, *(fmean(column) for column in zip(*same, strict=True))))
    return found


def draw(points: Sequence[Point]) -> str:
    """The curves as HTML: one thin line a clip, the mean over them."""
    names = list(dict.fromkeys(point.clip for point in points))
    lines = (
        [
            Line(name, [(p.kbps, p.pesq_wb) for p in points if p.clip == name], dashed=True)
            for name in names
        ]
        if len(names) > 1
        else []
    )
    mean = [(point.kbps, point.pesq_wb) for point in means(points)]
    lines.insert(0, Line("mean" if len(names) > 1 else (names or ["clip"])[0], mean))
    return curves(
        lines,
        f"PESQ-WB against bitrate, {len(names)} clip{'s' if len(names) != 1 else ''}",
        ("kbps", "PESQ"),
    )


def write_csv(path: Path, points: Sequence[Point]) -> None:
    """All points as CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(
            [p.clip, f"{p.kbps:g}", f"{p.kbps_on_disk:.3f}", f"{p.pesq_wb:.4f}", f"{p.stoi:.4f}"]
            for p in points
        )


def write_picture(path: Path, points: Sequence[Point]) -> None:
    """The curves as PNG, black on white."""
    _DRAWER.submit(_draw_picture, path, points).result()


def _draw_picture(path: Path, points: Sequence[Point]) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.2), dpi=140, layout="constrained")
    axes = figure.add_subplot()
    for name in dict.fromkeys(point.clip for point in points):
        own = [point for point in points if point.clip == name]
        label = name.replace("$", r"\$")  # no formula
        axes.plot([p.kbps for p in own], [p.pesq_wb for p in own], "--", linewidth=1, label=label)
    mean = means(points)
    axes.plot([p.kbps for p in mean], [p.pesq_wb for p in mean], "o-k", label="mean")
    axes.legend(loc="lower right")
    axes.set(xlabel="bitrate (kbps)", ylabel="PESQ-WB (1 to 4.64)", ylim=(1, 4.65), xlim=(0, None))
    axes.grid(alpha=0.3)
    figure.savefig(path)
