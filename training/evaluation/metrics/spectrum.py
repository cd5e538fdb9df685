"""Distances between two spectra, and an SNR weighted by what the reference masks. numpy only."""

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

FLOOR = 1.0 / 32768.0**2
"""Power added before a logarithm: that of one 16-bit step."""
CEILING_DB = 100.0
"""Largest ratio of signal to error that is told apart from no error at all. An error of one 16-bit
step in every sample is 90 dB below full scale; what is far above that is the rounding of sums."""


def log_spectral_db(reference: np.ndarray, decoded: np.ndarray, sample_rate: int) -> float:
    """Root mean square over bins of the level difference, mean over frames (32 ms, hop 8 ms).

    Frames more than 50 dB below the loudest of the reference are left out.

    Shape: reference [T] int16, decoded [T] int16.
    """
    window, hop = sample_rate * 32 // 1000, sample_rate * 8 // 1000
    powers = [_powers(wave, window, hop) for wave in (reference, decoded)]
    loud = _loud_frames(powers[0])
    levels = [10.0 * np.log10(power[loud] + FLOOR) for power in powers]
    return float(np.mean(np.sqrt(np.mean((levels[0] - levels[1]) ** 2, axis=1))))


def mel_db(reference: np.ndarray, decoded: np.ndarray, sample_rate: int) -> float:
    """Mean level difference over 80 mel bands and the frames of `log_spectral_db`.

    Shape: reference [T] int16, decoded [T] int16.
    """
    window, hop = sample_rate * 64 // 1000, sample_rate * 16 // 1000
    bank = mel_bank(80, window // 2 + 1, sample_rate)
    powers = [_powers(wave, window, hop) for wave in (reference, decoded)]
    loud = _loud_frames(powers[0])
    levels = [10.0 * np.log10(power[loud] @ bank + FLOOR) for power in powers]
    return float(np.mean(np.abs(levels[0] - levels[1])))


def balance_db(reference: np.ndarray, decoded: np.ndarray, sample_rate: int) -> float:
    """Mean level difference of 40 mel bands' energies over the whole clip: the balance of timbre.

    Shape: reference [T] int16, decoded [T] int16.
    """
    window, hop = sample_rate * 64 // 1000, sample_rate * 16 // 1000
    bank = mel_bank(40, window // 2 + 1, sample_rate)
    energies = [_powers(wave, window, hop).mean(0) @ bank + FLOOR for wave in (reference, decoded)]
    return float(np.mean(np.abs(10.0 * np.log10(energies[1] / energies[0]))))


def treble_db(reference: np.ndarray, decoded: np.ndarray, sample_rate: int) -> float:
    """Level difference, without its sign, of the energies above 7 kHz over the whole clip.

    Shape: reference [T] int16, decoded [T] int16.
    """
    window, hop = sample_rate * 64 // 1000, sample_rate * 16 // 1000
    first = 7_000 * window // sample_rate
    high = [_powers(wave, window, hop)[:, first:].mean() + FLOOR for wave in (reference, decoded)]
    return float(abs(10.0 * np.log10(high[1] / high[0])))


def perceptual_snr_db(reference: np.ndarray, decoded: np.ndarray, sample_rate: int) -> float:
    """SNR after the weighting by which CELP coders choose: error under formants counts less.

    In 20 ms frames both reference and error pass through W(z) = A(z/0.92) / (1 - 0.68 1/z), where
    A is the reference frame's linear predictor of order 16 (as AMR-WB, 3GPP TS 26.190, 5.4). The
    figure is the ratio of the two weighted energies over the whole clip.

    Shape: reference [T] int16, decoded [T] int16.
    """
    window = sample_rate * 20 // 1000
    size = 2 * window
    clean, error = (
        _frames(wave, window, window // 2)
        for wave in (reference / 32768.0, (decoded - reference.astype(float)) / 32768.0)
    )
    power = np.abs(np.fft.rfft(clean, size)) ** 2
    predictor = _predictors(np.fft.irfft(power)[:, :17])
    turn = np.exp(-2j * np.pi * np.arange(window + 1) / size)
    weight = np.fft.rfft(predictor * 0.92 ** np.arange(17), size) / (1.0 - 0.68 * turn)
    weight = np.abs(weight) ** 2
    noise = np.sum(np.abs(np.fft.rfft(error, size)) ** 2 * weight)
    return ratio_db(np.sum(power * weight), noise)


def ratio_db(signal: float, error: float) -> float:
    """Ratio of two energies, at most `CEILING_DB`: equal waves have it whatever a sum rounds to.

    >>> ratio_db(2.0, 0.02), ratio_db(2.0, 0.0), ratio_db(2.0, 1e-30)
    (20.0, 100.0, 100.0)
    """
    return 10.0 * math.log10(signal / max(error, signal / 10.0 ** (CEILING_DB / 10.0)))


def mel_bank(num_bands: int, num_bins: int, sample_rate: int) -> np.ndarray:
    """Triangles equally wide in mel (2595 log10(1 + f / 700)), each of unit sum.

    Shape: -> [num_bins, num_bands].
    """
    top = 2595.0 * math.log10(1.0 + sample_rate / 1400.0)
    edges = 700.0 * (10.0 ** (np.linspace(0.0, top, num_bands + 2) / 2595.0) - 1.0)
    hertz = np.linspace(0.0, sample_rate / 2, num_bins)[:, None]
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    rise, fall = (hertz - left) / (centre - left), (right - hertz) / (right - centre)
    bank = np.maximum(0.0, np.minimum(rise, fall))
    nearest = np.argmin(np.abs(hertz - centre), axis=0)
    bank[nearest, np.arange(num_bands)] += bank.sum(axis=0) == 0.0  # a band narrower than a bin
    return bank / bank.sum(axis=0)


def _frames(wave: np.ndarray, window: int, hop: int) -> np.ndarray:
    """Hann-windowed frames. Shape: wave [T] -> [F, window]."""
    wave = np.pad(wave, (0, max(0, window - len(wave))))
    return sliding_window_view(wave, window)[::hop] * np.hanning(window)


def _powers(samples: np.ndarray, window: int, hop: int) -> np.ndarray:
    """Power per bin, 1 for a full-scale sine. Shape: [T] int16 -> [F, bins]."""
    spectrum = np.fft.rfft(_frames(samples / 32768.0, window, hop))
    return np.abs(spectrum / np.hanning(window).sum() * 2.0) ** 2


def _loud_frames(power: np.ndarray) -> np.ndarray:
    """Which frames lie within 50 dB of the loudest. Shape: [F, bins] -> [F] bool."""
    energy = power.sum(axis=1)
    return energy >= energy.max() * 1e-5


def _predictors(correlation: np.ndarray) -> np.ndarray:
    """A(z) of each frame by the normal equations. Shape: [F, order + 1] -> [F, order + 1]."""
    order = correlation.shape[1] - 1
    lag = np.abs(np.subtract.outer(np.arange(order), np.arange(order)))
    matrix = correlation[:, lag]
    ridge = 1e-4 * correlation[:, :1, None] + 1e-9
    solution = np.linalg.solve(matrix + ridge * np.eye(order), correlation[:, 1:, None])[..., 0]
    return np.concatenate([np.ones((len(solution), 1)), -solution], axis=1)
