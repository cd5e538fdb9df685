"""Per-clip rows brought to one line a codec, bitrate and metric, each with its interval."""

import dataclasses
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from training.evaluation.jobs.rows import Row

NUM_DRAWS = 2_000
"""Bootstrap draws."""
LEVEL = 0.95
"""Share of the draws that lies inside an interval."""


@dataclass(frozen=True)
class Summary:
    """One codec at one bitrate by one metric."""

    system: str
    nominal_kbps: float
    metric: str
    n: int
    """Clips scored."""
    failures: int
    """Clips that could not be."""
    mean: float
    low: float
    high: float
    """95 % bootstrap interval of the mean over clips."""
    kbps: float
    """All bits of the same clips over all their seconds, as files on disk."""
    payload_kbps: float
    lag: float
    """Median, samples at 16 kHz."""
    encode_rtf: float
    """Processor seconds for a second of audio."""
    decode_rtf: float
    peak_mb: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values; NaN, which JSON does not know, becomes None."""
        values = dataclasses.asdict(self)
        return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in values.items()}


def summarise(rows: Iterable[Row], metrics: Sequence[str], seed: int = 0) -> list[Summary]:
    """One summary a codec, bitrate and metric, in the order of the rows."""
    groups: dict[tuple[str, float], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.system, row.nominal_kbps), []).append(row)
    return [
        _summary(group, metric, seed)
        for metric in metrics
        for group in groups.values()
        if any(metric in row.scores for row in group) or any(row.error for row in group)
    ]


def bootstrap_interval(values: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """Ends of the 95 % percentile interval of the mean of `values`.

    Shape: values [n].

    >>> bootstrap_interval(np.ones(5))
    (1.0, 1.0)
    """
    if len(values) == 0:
        return math.nan, math.nan
    return interval(values[draws(len(values), seed)].mean(axis=1))


def draws(num_clips: int, seed: int = 0) -> np.ndarray:
    """Indices of clips drawn with replacement. Shape: -> [NUM_DRAWS, num_clips]."""
    return np.random.default_rng(seed).integers(num_clips, size=(NUM_DRAWS, num_clips))


def interval(values: np.ndarray) -> tuple[float, float]:
    """Between which two numbers `LEVEL` of `values` lies."""
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _summary(group: list[Row], metric: str, seed: int) -> Summary:
    scored = [row for row in group if metric in row.scores]
    failures = sum(bool(row.error) and metric not in row.scores for row in group)
    values = np.array([row.scores[metric] for row in scored])
    low, high = bootstrap_interval(values, seed)
    seconds = sum(row.seconds for row in scored) or math.nan
    return Summary(
        group[0].system, group[0].nominal_kbps, metric, len(scored), failures,
        float(values.mean()) if scored else math.nan, low, high,
        kbps=_kbps(scored, "kbps"),
        payload_kbps=_kbps(scored, "payload_kbps"),
        lag=float(np.median([row.lag for row in scored])) if scored else math.nan,
        encode_rtf=sum(row.encode_s for row in scored) / seconds,
        decode_rtf=sum(row.decode_s for row in scored) / seconds,
        peak_mb=max((row.peak_mb for row in scored), default=math.nan),
    )  # fmt: skip


def _kbps(rows: list[Row], name: str) -> float:
    weight = sum(row.weight for row in rows)
    return sum(row.value(name) * row.weight for row in rows) / weight if rows else math.nan
