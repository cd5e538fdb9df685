"""DNSMOS: networks that predict what listeners said of noise suppressors' output.

Reddy et al., "DNSMOS P.835", ICASSP 2022 (signal, overall), and "DNSMOS", ICASSP 2021 (P.808).
Weights inside the package speechmos. Clips shorter than 9 s are repeated, as its authors do.
"""

import functools
from pathlib import Path
from typing import Any

import numpy as np

from training.evaluation.metrics.judges.silencing import quiet

SAMPLE_RATE = 16_000


def dnsmos(reference: np.ndarray, decoded: np.ndarray, sample_rate: int, *, part: str) -> float:
    """One of the predicted opinion scores of `decoded`, 1 … 5; the reference is not looked at.

    Args:
        part: `ovrl_mos`, `sig_mos` or `p808_mos`.

    Shape: reference [T] unused, decoded [T] int16 at 16 kHz.
    """
    return _all_parts(decoded.tobytes())[part]


@functools.lru_cache(maxsize=2)
def _all_parts(samples: bytes) -> dict[str, float]:
    """All three from one run: they are asked for one after the other."""
    wave = np.frombuffer(samples, np.int16).astype(np.float32) / 32768.0
    with quiet():
        return {name: float(value) for name, value in _model()(wave, SAMPLE_RATE, False).items()}


@functools.cache
def _model() -> Any:
    """Both networks, each on one thread, which their class has no setting for."""
    import onnxruntime
    from speechmos import dnsmos as package

    folder = Path(package.__file__).with_name("dnsmos_models")
    primary, p808 = str(folder / "sig_bak_ovr.onnx"), str(folder / "model_v8.onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    model = package.DNSMOS(primary, p808)
    model.onnx_sess = onnxruntime.InferenceSession(primary, options)
    model.p808_onnx_sess = onnxruntime.InferenceSession(p808, options)
    return model
