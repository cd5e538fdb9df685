"""Levels of a wave over time and frequency, for every picture of a spectrogram."""

import numpy as np

RANGE_DB = 80.0
"""From the loudest place down to what is drawn as silence."""
_FLOOR = 1e-18
_FRAMES_AT_ONCE = 4096


def level_db(
    wave: np.ndarray, window: int = 512, hop: int = 128, max_columns: int | None = None
) -> np.ndarray:
    """Short-time level of a wave: 0 dB for a sine at full scale.

    Args:
        window, hop: samples.
        max_columns: with more frames than that, neighbours become one column, their mean power.

    Shape: wave [T] in [-1, 1] -> [window / 2 + 1, columns] dB.

    >>> level = level_db(np.sin(2 * np.pi * 1000 / 16000 * np.arange(16000)))
    >>> int(level[:, 50].argmax() * 16000 / 512), round(float(level[:, 50].max()), 2)
    (1000, 0.0)
    """
    padded = np.pad(wave.astype(np.float32), window // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    per_column = -(-len(frames) // max_columns) if max_columns else 1
    shape = np.hanning(window + 1)[:-1].astype(np.float32)
    columns = []
    step = per_column * max(1, _FRAMES_AT_ONCE // per_column)
    for part in (frames[first : first + step] for first in range(0, len(frames), step)):
        power = np.abs(np.fft.rfft(part * shape) * (2.0 / shape.sum())) ** 2
        cuts = np.arange(0, len(part), per_column)
        counts = np.diff(np.append(cuts, len(part)))[:, None]
        columns.append(np.add.reduceat(power, cuts, axis=0) / counts)
    return 10.0 * np.log10(np.concatenate(columns).T + _FLOOR)
