"""Codes that two ways of rounding break a tie between."""

import numpy as np

from codec import Codec

_ALIKE = 1e-4
"""How far apart, relative to them, squared errors of two choices may be for rounding to turn it."""


def assert_alike_but_for_ties(
    codec: Codec, wave: np.ndarray, codes: np.ndarray, other: np.ndarray
) -> None:
    """At most one frame in a thousand differs, or a single one, and each that does begins with a
    tie: two codewords whose errors are the same but for rounding. The rest follows from the choice.

    Shape: wave [C, T] at the model's rate, codes and other [C, Q, F].
    """
    assert codes.shape == other.shape
    for channel, mine, theirs in zip(wave, codes, other, strict=True):
        _check(codec, channel, mine, theirs)


def _check(codec: Codec, wave: np.ndarray, codes: np.ndarray, other: np.ndarray) -> None:
    """Shape: wave [T], codes and other [Q, F]."""
    differing = np.flatnonzero((codes != other).any(axis=0))
    assert len(differing) <= max(1, codes.shape[1] // 1000), f"frames {differing.tolist()}"
    stream = codec.backend.analysis()
    latent = np.concatenate([*stream.push(wave.astype(np.float32)), *stream.finish()])
    one, two = (codec.backend.errors(latent, choice) for choice in (codes, other))
    for frame in differing:
        stage = int((codes[:, frame] != other[:, frame]).argmax())
        mine, theirs = float(one[stage, frame]), float(two[stage, frame])
        assert abs(mine - theirs) <= _ALIKE * max(mine, theirs), (frame, stage, mine, theirs)
