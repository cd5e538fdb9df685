"""The other side's turn: a clip between pauses of its own background."""

import numpy as np

QUIET_S = 0.2
"""Length of the stretch that the background is taken from."""


def between_pauses(wave: np.ndarray, pause_s: float, sample_rate: int, seed: int = 0) -> np.ndarray:
    """`pause_s` of background, the wave, and as much of background again.

    Background is white noise filtered by the clip's quietest stretch, so that it has its spectrum.

    Shape: wave [T] float32, of QUIET_S at least -> [T + 2 · pause] float32.
    """
    quiet = quietest(wave, round(QUIET_S * sample_rate))
    count = round(pause_s * sample_rate)
    random = np.random.default_rng(seed)
    noise = random.standard_normal(2 * (count + len(quiet)))
    size = len(noise) + len(quiet)
    spectrum = np.fft.rfft(noise, size) * np.fft.rfft(quiet, size)
    background = np.fft.irfft(spectrum, size)[len(quiet) :] / np.sqrt(len(quiet))
    before, after = background[:count], background[count : 2 * count]
    return np.concatenate([before, wave, after]).astype(np.float32)


def quietest(wave: np.ndarray, length: int) -> np.ndarray:
    """The stretch of least energy. Shape: wave [T] -> [length].

    >>> quietest(np.array([3.0, 1.0, -1.0, 2.0]), 2).tolist()
    [1.0, -1.0]
    """
    energy = np.concatenate([[0.0], np.cumsum(wave.astype(np.float64) ** 2)])
    start = int(np.argmin(energy[length:] - energy[:-length]))
    return wave[start : start + length]
