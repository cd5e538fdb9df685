"""Whether it is still the same person: cosine of two speaker embeddings.

Wan et al., "Generalized end-to-end loss for speaker verification", ICASSP 2018, as trained by the
package Resemblyzer, which brings its weights.
"""

import functools
from typing import Any

import numpy as np

from training.evaluation.metrics.judges.silencing import quiet


def speaker(reference: np.ndarray, decoded: np.ndarray, sample_rate: int) -> float:
    """Cosine of the embeddings of both waves after the package's own trimming of silence.

    Shape: reference, decoded [T] int16 at 16 kHz.
    """
    return float(_embedding(reference.tobytes()) @ _embedding(decoded.tobytes()))


@functools.lru_cache(maxsize=64)
def _embedding(samples: bytes) -> np.ndarray:
    """Of length 1; a reference comes back once a codec and bitrate. Shape: -> [256]."""
    wave = np.frombuffer(samples, np.int16).astype(np.float32) / 32768.0
    with quiet():
        from resemblyzer import preprocess_wav

        return np.asarray(_model().embed_utterance(preprocess_wav(wave)))


@functools.cache
def _model() -> Any:
    from resemblyzer import VoiceEncoder

    return VoiceEncoder("cpu", verbose=False).eval()
