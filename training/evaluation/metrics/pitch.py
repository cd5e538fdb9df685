"""Pitch of a wave frame by frame, and how far the pitch of two waves differs. numpy only."""

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from codec.errors import EvaluationError

LOWEST_HZ, HIGHEST_HZ = 60.0, 400.0
"""Range of pitches looked for."""
VOICED = 0.5
"""Normalised autocorrelation from which a frame has a pitch."""


def pitch_error_cents(reference: np.ndarray, decoded: np.ndarray, sample_rate: int) -> float:
    """Median distance of the pitches, 100 cents a semitone, where both waves are voiced.

    The median keeps a tracker's octave errors, its own and not the codec's, from ruling the figure.

    Shape: reference [T] int16, decoded [T] int16.

    Raises:
        EvaluationError: no frame is voiced in both.
    """
    wanted, found = track_pitch(reference, sample_rate), track_pitch(decoded, sample_rate)
    both = (wanted > 0) & (found > 0)
    if not both.any():
        raise EvaluationError("F0 error: no frame is voiced in both waves")
    return float(np.median(np.abs(1200.0 * np.log2(found[both] / wanted[both]))))


def voicing_error_percent(reference: np.ndarray, decoded: np.ndarray, sample_rate: int) -> float:
    """Share of frames that are voiced in one wave and not in the other.

    Shape: reference [T] int16, decoded [T] int16.
    """
    wanted, found = track_pitch(reference, sample_rate), track_pitch(decoded, sample_rate)
    return float(100.0 * np.mean((wanted > 0) != (found > 0)))


def track_pitch(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """Hz of each frame (40 ms, hop 10 ms), 0 where it is unvoiced or 40 dB below the loudest.

    The lag of the highest normalised autocorrelation between two windows of the wave, the shortest
    among lags within 0.02 of it, refined by a parabola.

    Shape: [T] int16 -> [F].

    >>> tone = (8000 * np.sin(2 * np.pi * 120 * np.arange(16000) / 16000)).astype(np.int16)
    >>> round(float(np.median(track_pitch(tone, 16000))), 1)
    120.0
    """
    longest = math.ceil(sample_rate / LOWEST_HZ)
    window = sample_rate * 40 // 1000
    reach = window + longest + 1
    wave = np.pad(samples / 32768.0, (0, max(0, reach - len(samples))))
    spans = sliding_window_view(wave, reach)[:: sample_rate // 100]
    correlation = _normalised_correlation(spans, window)
    energy = np.mean(spans[:, :window] ** 2, axis=1)
    lag, height = _best_lag(correlation, math.floor(sample_rate / HIGHEST_HZ), longest)
    voiced = (height >= VOICED) & (energy > max(energy.max() * 1e-4, 1e-9))
    return np.where(voiced, sample_rate / lag, 0.0)


def _normalised_correlation(spans: np.ndarray, window: int) -> np.ndarray:
    """Cosine of a span's first window and the one each lag later. Shape: [F, R] -> [F, lags]."""
    num_lags = spans.shape[1] - window + 1
    size = 1 << (spans.shape[1] + window).bit_length()
    head = np.fft.rfft(spans[:, :window], size)
    product = np.fft.irfft(np.conj(head) * np.fft.rfft(spans, size), size)[:, :num_lags]
    sums = np.cumsum(np.pad(spans**2, ((0, 0), (1, 0))), axis=1)
    energy = np.maximum(sums[:, window:] - sums[:, :-window], 0.0)
    return product / (np.sqrt(energy[:, :1] * energy) + 1e-9)


def _best_lag(correlation: np.ndarray, low: int, high: int) -> tuple[np.ndarray, np.ndarray]:
    """Lag in samples (fractional) and its height. Shape: [F, lags] -> [F], [F]."""
    inside = correlation[:, low : high + 1]
    peak = (inside >= correlation[:, low - 1 : high]) & (
        inside > correlation[:, low + 1 : high + 2]
    )
    peaks = np.where(peak, inside, -1.0)
    height = peaks.max(axis=1)
    index = np.argmax(peaks >= height[:, None] - 0.02, axis=1) + low
    rows = np.arange(len(index))
    before, here, after = (correlation[rows, index + step] for step in (-1, 0, 1))
    bend = before - 2.0 * here + after
    shift = np.divide(before - after, 2.0 * bend, out=np.zeros_like(bend), where=bend < -1e-12)
    return index + np.clip(shift, -0.5, 0.5), height
