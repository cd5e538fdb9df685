"""A picture of two waves' spectrograms, one above the other on the same scale."""

from typing import BinaryIO

import numpy as np

from training.evaluation.report.spectrogram import RANGE_DB, level_db


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
