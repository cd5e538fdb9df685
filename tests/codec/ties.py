"""Codes that two ways of rounding break a tie between."""

import numpy as np

from codec import Codec

_ALIKE = 1e-3
"""Squared errors of a choice that rounding may turn, relative to them."""


def assert_alike_but_for_ties(
    codec: Codec, wave: np.ndarray, codes: np.ndarray, other: np.ndarray
) -> None:
    """At most one frame in a hundred differs, and each that does begins with a tie: two codewords
    whose errors are the same but for rounding. What follows it follows from the choice.

    Shape: wave [1, T] at the model's rate, codes and other [1, Q, F].
    """
    assert codes.shape == other.shape
    differing = np.flatnonzero((codes != other).any(axis=(0, 1)))
    assert len(differing) <= max(1, codes.shape[2] // 100), f"frames {differing.tolist()}"
    stream = codec.backend.analysis()
    latent = np.concatenate([*stream.push(wave[0].astype(np.float32)), *stream.finish()])
    one, two = (codec.backend.errors(latent, choice[0]) for choice in (codes, other))
    for frame in differing:
        stage = int((codes[0, :, frame] != other[0, :, frame]).argmax())
        mine, theirs = float(one[stage, frame]), float(two[stage, frame])
        assert abs(mine - theirs) <= _ALIKE * max(mine, theirs), (frame, stage, mine, theirs)
