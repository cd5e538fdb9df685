"""A codec's delay, found from its output and taken out before anything is scored."""

import numpy as np

from codec.errors import EvaluationError

MAX_LAG_MS = 100.0
"""Longest delay (or advance) looked for."""
SEARCH_S = 30.0
"""The lag of a longer clip is looked for in its loudest stretch of this many seconds."""
SAME_WAVEFORM = 0.7
"""Correlation below which a codec does not keep the waveform; its envelope is aligned instead."""
NO_DELAY = 0.003
"""An envelope's peak no higher than this above its value at lag 0 is taken for no delay."""
MIN_OVERLAP = 0.9
"""Share of the reference that must be left after alignment."""


def align(
    reference: np.ndarray, decoded: np.ndarray, sample_rate: int
) -> tuple[np.ndarray, np.ndarray, int]:
    """Both waves cut to where they overlap, and the lag in samples (positive: decoded is late).

    Shape: reference [T], decoded [any] -> [T'], [T'], T' <= T.

    Raises:
        EvaluationError: too little of the reference was decoded.
    """
    if not len(decoded):
        raise EvaluationError("nothing came out: 0 samples")
    lag = find_lag(reference, decoded, sample_rate)
    late, early = max(lag, 0), max(-lag, 0)
    num_samples = min(len(reference) - early, len(decoded) - late)
    if num_samples < MIN_OVERLAP * len(reference) or num_samples <= 0:
        raise EvaluationError(
            f"{len(reference)} samples went in and {max(0, num_samples)} of them"
            f" came out (lag {lag})"
        )
    return reference[early : early + num_samples], decoded[late : late + num_samples], lag


def find_lag(reference: np.ndarray, decoded: np.ndarray, sample_rate: int) -> int:
    """Samples by which `decoded` is late: the peak of the cross-correlation.

    A parametric codec (Codec 2 at any rate) rebuilds no waveform, so its correlation peaks where
    pitch periods happen to meet; then the peak is that of the envelope in 1 ms steps.

    Shape: reference [any], decoded [any].
    """
    reference, decoded = _loudest(reference, decoded, int(SEARCH_S * sample_rate))
    max_lag = int(sample_rate * MAX_LAG_MS / 1000)
    lag, height = _peak(reference, decoded, max_lag)
    if height >= SAME_WAVEFORM:
        return lag
    step = max(1, sample_rate // 1000)
    before, after = _envelope(reference, step), _envelope(decoded, step)
    lag, height = _peak(before, after, max_lag // step)
    return lag * step if height > _peak(before, after, 0)[1] + NO_DELAY else 0


def _peak(first: np.ndarray, second: np.ndarray, max_lag: int) -> tuple[int, float]:
    """Lag of `second` behind `first` where they correlate most, and the correlation there."""
    scale = float(np.sqrt(np.sum(first**2) * np.sum(second**2)))
    if scale == 0.0:
        return 0, 0.0
    size = 1 << (len(first) + len(second) + max_lag).bit_length()
    product = np.fft.irfft(np.conj(np.fft.rfft(first, size)) * np.fft.rfft(second, size), size)
    around = np.concatenate([product[len(product) - max_lag :], product[: max_lag + 1]])
    best = int(np.argmax(around))
    return best - max_lag, float(around[best]) / scale


def _envelope(wave: np.ndarray, step: int) -> np.ndarray:
    """Level per `step` samples, smoothed over 15 steps, its mean removed. Shape: [T] -> [T']."""
    cells = np.abs(wave[: len(wave) // step * step]).reshape(-1, step).mean(axis=1)
    cells = np.convolve(cells, np.hanning(17)[1:-1] / 8.0, mode="same")
    level = np.log(cells + 0.01 * cells.max(initial=0.0) + 1e-9)
    return level - level.mean() if len(level) else level


def _loudest(
    reference: np.ndarray, decoded: np.ndarray, num_samples: int
) -> tuple[np.ndarray, np.ndarray]:
    """The stretch of both waves where the reference has most energy, float64."""
    start = 0
    if len(reference) > num_samples:
        cells = len(reference) // num_samples
        energy = np.square(reference[: cells * num_samples]).reshape(cells, -1).sum(axis=1)
        start = int(np.argmax(energy)) * num_samples
    span = slice(start, start + num_samples)
    return reference[span].astype(np.float64), decoded[span].astype(np.float64)
