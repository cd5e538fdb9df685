"""Bitrate at equal quality: one number for how far two rate curves lie apart.

Bjøntegaard, "Calculation of average PSNR differences between RD-curves", VCEG-M33, 2001, with the
monotone piecewise cubic through the points that later revisions use.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator

from training.evaluation.jobs.rows import Row
from training.evaluation.metrics.registry import METRICS
from training.evaluation.statistics.summary import draws, interval

NUM_DRAWS = 500
"""Bootstrap draws of an interval."""
MIN_MEETING = 0.95
"""Share of the draws in which the curves must meet, or there is no interval."""


@dataclass(frozen=True)
class BdRate:
    """How much more bitrate `system` needs than `peer` for the same score."""

    system: str
    peer: str
    metric: str
    percent: float
    """Below zero: `system` needs less. NaN: their scores never meet."""
    low: float
    high: float
    """95 % bootstrap interval over clips; NaN if the curves only just meet."""
    score_low: float
    score_high: float
    """Scores between which the curves were compared: those that both reach."""
    n: int
    """Clips that both have at all their bitrates."""

    def interval_text(self, digits: int) -> str:
        """Both ends of the interval, or that there is none."""
        if not math.isfinite(self.low):
            return "not known"
        return f"{self.low:+.{digits}f} … {self.high:+.{digits}f}"


def bd_rate(
    peer_kbps: np.ndarray, peer_scores: np.ndarray, kbps: np.ndarray, scores: np.ndarray
) -> float:
    """Mean bitrate of a curve relative to the peer's over the scores both reach, minus 1, in %.

    Points that a cheaper point of their own curve equals or beats are left out. Quality must grow
    with the score (negate a distance). NaN if the curves have no score in common.

    >>> rates, scores = np.array([2.0, 4.0, 8.0]), np.array([1.0, 2.0, 3.0])
    >>> round(bd_rate(rates, scores, rates / 2, scores), 6)
    -50.0
    """
    peer, ours = _front(peer_kbps, peer_scores), _front(kbps, scores)
    low, high = _overlap(peer[1], ours[1])
    if high <= low or min(len(peer[0]), len(ours[0])) < 2:
        return math.nan
    areas = [
        float(PchipInterpolator(curve_scores, np.log(curve_kbps)).integrate(low, high))
        for curve_kbps, curve_scores in (peer, ours)
    ]
    return 100.0 * math.expm1((areas[1] - areas[0]) / (high - low))


def compare(
    rows: Sequence[Row], pairs: Iterable[tuple[str, str]], metric: str, *, seed: int = 0,
    rate: str = "payload_kbps",
) -> list[BdRate]:  # fmt: skip
    """The BD-rate of every (system, peer), with its interval over the clips both have.

    Args:
        metric: key of `METRICS`.
        rate: `payload_kbps`, or `kbps` for files on disk.
    """
    return [_compare(rows, pair, metric, rate=rate, seed=seed) for pair in pairs]


def _compare(
    rows: Sequence[Row], pair: tuple[str, str], metric: str, *, rate: str, seed: int
) -> BdRate:
    sign = 1.0 if METRICS[metric].higher_is_better else -1.0
    ours, peer = (_by_clip(rows, name, metric, rate) for name in pair)
    clips = sorted(ours.keys() & peer.keys())
    if not clips:
        nothing = math.nan
        return BdRate(*pair, metric, nothing, nothing, nothing, nothing, nothing, n=0)
    tables = [np.stack([table[clip] for clip in clips]) for table in (peer, ours)]
    curves = [_curve(table, sign) for table in tables]
    low, high = _overlap(*(_front(*curve)[1] for curve in curves))
    ends = sorted((sign * low, sign * high)) if high > low else (math.nan, math.nan)
    drawn = [bd_rate(*_curve(tables[0][d], sign), *_curve(tables[1][d], sign))
             for d in draws(len(clips), seed)[:NUM_DRAWS]]  # fmt: skip
    found = np.array(drawn)[np.isfinite(drawn)]
    spread = interval(found) if len(found) >= MIN_MEETING * len(drawn) else (math.nan, math.nan)
    percent = bd_rate(*curves[0], *curves[1])
    return BdRate(*pair, metric, percent, *spread, ends[0], ends[1], n=len(clips))


def _curve(table: np.ndarray, sign: float) -> tuple[np.ndarray, np.ndarray]:
    """kbps over all clips, mean score. Shape: [clips, rates, 3] -> [rates], [rates]."""
    kilobits, scores, seconds = np.moveaxis(table.mean(axis=0), -1, 0)
    return kilobits / seconds, sign * scores


def _by_clip(rows: Sequence[Row], system: str, metric: str, rate: str) -> dict[str, np.ndarray]:
    """Clips with every bitrate scored. Shape: of each [rates, 3], (kilobits, score, seconds)."""
    rates = sorted({row.nominal_kbps for row in rows if row.system == system})
    points: dict[str, dict[float, tuple[float, float, float]]] = {}
    for row in rows:
        if row.system == system and metric in row.scores:
            point = row.value(rate) * row.weight, row.scores[metric], row.weight
            points.setdefault(row.clip, {})[row.nominal_kbps] = point
    return {
        clip: np.array([found[rate] for rate in rates])
        for clip, found in points.items()
        if len(found) == len(rates)
    }


def _front(kbps: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points by rising bitrate, without those that a cheaper one equals or beats."""
    order = np.lexsort((-scores, kbps))
    kbps, scores = kbps[order], scores[order]
    best = np.concatenate([[-math.inf], np.maximum.accumulate(scores)[:-1]])
    return kbps[scores > best], scores[scores > best]


def _overlap(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    return float(max(first[0], second[0])), float(min(first[-1], second[-1]))
