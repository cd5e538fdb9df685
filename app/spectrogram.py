"""A picture of two waves' spectrograms, one above the other on the same scale."""

from typing import BinaryIO

import numpy as np

WINDOW = 512
HOP = 128
RANGE_DB = 80.0


def level_db(wave: np.ndarray) -> np.ndarray:
    """Short-time level of a wave.

    Shape: wave [T] in [-1, 1] -> [WINDOW / 2 + 1, F] dB, 0 dB for a sine at full scale.

    >>> level = level_db(np.sin(2 * np.pi * 1000 / 16000 * np.arange(16000)))
    >>> int(level[:, 50].argmax() * 16000 / WINDOW), round(float(level[:, 50].max()), 2)
    (1000, 0.0)
    """
    padded = np.pad(wave, WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    window = np.hanning(WINDOW + 1)[:-1]
    bins = np.fft.rfft(frames * window) * (2.0 / window.sum())
    return 20.0 * np.log10(np.abs(bins).T + 1e-9)


def draw_pair(
    file: BinaryIO, original: np.ndarray, decoded: np.ndarray, sample_rate: int, title: str
) -> None:
    """Write a PNG with the original above the decoded wave, levels in dB on one scale.

    Shape: original [T], decoded [T].
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 6), layout="constrained")
    axes = figure.subplots(2, 1, sharex=True, sharey=True)
    levels = [level_db(original), level_db(decoded)]
    top_db = max(float(level.max()) for level in levels)
    extent = (0.0, len(original) / sample_rate, 0.0, sample_rate / 2000.0)
    for ax, level, name in zip(axes, levels, ("original", title), strict=True):
        image = ax.imshow(
            level,
            origin="lower",
            aspect="auto",
            extent=extent,
            cmap="magma",
            vmin=top_db - RANGE_DB,
            vmax=top_db,
        )
        ax.set_title(name, loc="left")
        ax.set_ylabel("frequency (kHz)")
    axes[-1].set_xlabel("time (s)")
    figure.colorbar(image, ax=axes, label="level (dBFS)")
    figure.savefig(file, dpi=110, format="png")
