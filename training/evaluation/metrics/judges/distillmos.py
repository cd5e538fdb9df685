"""DistillMOS: a small network that predicts what listeners say, distilled from XLS-R.

Stahl and Gamper, "Distillation and pruning for scalable self-supervised representation-based
speech quality assessment", ICASSP 2025. Weights inside the package.
"""

import functools
from typing import Any

import numpy as np

from training.evaluation.metrics.judges.silencing import quiet


def distillmos(reference: np.ndarray, decoded: np.ndarray, sample_rate: int) -> float:
    """Predicted mean opinion score of `decoded`, 1 … 5; the reference is not looked at.

    Shape: reference [T] unused, decoded [T] int16 at 16 kHz.
    """
    import torch

    wave = torch.from_numpy(decoded.astype(np.float32) / 32768.0)
    with quiet(), torch.inference_mode():
        return float(_model()(wave[None]).item())


@functools.cache
def _model() -> Any:
    from distillmos import ConvTransformerSQAModel

    return ConvTransformerSQAModel().eval()
