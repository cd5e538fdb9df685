"""PLCMOS: a network that predicts what listeners said of speech with concealed losses.

Diener et al., "PLCMOS", Interspeech 2023, version 2; weights inside the package speechmos. It
averages over listeners drawn at random; here the same ones are drawn each time.
"""

import functools
from pathlib import Path
from typing import Any

import numpy as np

from training.evaluation.metrics.judges.silencing import quiet

NUM_LISTENERS = 15
LISTENER_WIDTH = 64


def plcmos(reference: np.ndarray, decoded: np.ndarray, sample_rate: int) -> float:
    """The predicted opinion score of `decoded`, 1 … 5; the reference is not looked at.

    Shape: reference [T] unused, decoded [T] int16 at 16 kHz.
    """
    wave = decoded.astype(np.float32) / np.float32(32768.0)
    model = _model()
    with quiet():
        spectrum = model.stft_transform(wave)
    inputs = {"degraded_audio": spectrum.astype(np.float32)[None, None]}
    listeners = np.random.default_rng(0).standard_normal((NUM_LISTENERS, 1, LISTENER_WIDTH))
    scores = [
        float(np.squeeze(model.session.run(None, inputs | {"rater_embed": one})[0]))
        for one in listeners.astype(np.float32)
    ]
    return float(np.mean(scores))


@functools.cache
def _model() -> Any:
    """The network on one thread, which its class has no setting for."""
    import onnxruntime
    from speechmos import plcmos as package

    folder = Path(package.__file__).with_name("plcmos_models")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    model = package.PLCMOS()
    model.session = onnxruntime.InferenceSession(str(folder / "plcmos_v2.onnx"), options)
    return model
