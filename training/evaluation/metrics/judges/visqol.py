"""ViSQOL in its speech mode: similarity of gammatone spectrograms, mapped by a lattice network.

Chinen et al., "ViSQOL v3", QoMEX 2020; the package visqol-python is a port of Google's program.
"""

import functools
from typing import Any

import numpy as np

from training.evaluation.metrics.judges.silencing import quiet


def visqol(reference: np.ndarray, decoded: np.ndarray, sample_rate: int) -> float:
    """Predicted opinion score of `decoded` beside `reference`, 1 … 5.

    Shape: reference, decoded [T] int16 at 16 kHz.
    """
    pair = (wave.astype(np.float64) / 32768.0 for wave in (reference, decoded))
    with quiet():
        return float(_model().measure_from_arrays(*pair, sample_rate).moslqo)


@functools.cache
def _model() -> Any:
    """With the lattice: the port's other mapping gives speech 1 to 2 too much."""
    from visqol import VisqolApi

    model = VisqolApi()
    model.create(mode="speech", use_lattice_model=True)
    return model
