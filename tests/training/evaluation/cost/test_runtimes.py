"""Runtimes side by side."""

from pathlib import Path

import numpy as np
import pytest

from codec import Codec
from codec.backends.numpy_backend import NumpyBackend
from training.evaluation.cost.runtimes import measure, products, works
from training.evaluation.cost.speed import _count_macs


def test_products_are_nearly_all_of_the_arithmetic(toy_checkpoint: Path) -> None:
    """Torch counts the same, and the convolutions over time."""
    backend, frames = Codec.load(toy_checkpoint).backend, 65
    assert isinstance(backend, NumpyBackend)
    macs = sum(rows * matrix.size for rows, matrix in products(backend, frames))
    model = Codec.load(toy_checkpoint, backend="torch")
    wave = np.zeros((1, (frames - 1) * model.config.hop), np.float32)
    counted = _count_macs(lambda: model.decode(model.encode(wave, model.config.sample_rate)))
    assert 0.8 * counted < macs < 1.1 * counted


def test_every_work_takes_time(toy_checkpoint: Path) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    times = measure(works(toy_checkpoint, 32), repeats=2)
    assert len(times) == 5
    assert all(len(taken) == 2 and min(taken) > 0.0 for taken in times.values())
