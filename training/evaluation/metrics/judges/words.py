"""Whether the same words are heard: error rate of a recogniser against itself on the original.

PocketSphinx 5 with its own US English model, after Huggins-Daines et al., ICASSP 2006. It mishears
much in originals too, so only differences between codecs mean something, over English clips.
"""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from codec.errors import EvaluationError
from training.evaluation.metrics.judges.silencing import quiet


def words(reference: np.ndarray, decoded: np.ndarray, sample_rate: int) -> float:
    """Words heard otherwise in `decoded` than in `reference`, in % of those in `reference`.

    Shape: reference, decoded [T] int16 at 16 kHz.

    Raises:
        EvaluationError: no words are heard in the reference.
    """
    expected = _heard(reference.tobytes())
    if not expected:
        raise EvaluationError("words: none are heard in the reference")
    return 100.0 * edits(expected, _heard(decoded.tobytes())) / len(expected)


def edits(expected: Sequence[str], found: Sequence[str]) -> int:
    """Fewest words to put in, leave out or exchange to make one of the other.

    >>> edits("the cat sat".split(), "a cat sat down".split())
    2
    """
    row = list(range(len(found) + 1))
    for i, word in enumerate(expected, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(found, 1):
            change = diagonal + (word != other)
            diagonal, row[j] = row[j], min(change, row[j] + 1, row[j - 1] + 1)
    return row[-1]


@functools.lru_cache(maxsize=64)
def _heard(samples: bytes) -> tuple[str, ...]:
    with quiet():
        decoder = _model()
        decoder.start_utt()
        decoder.process_raw(samples, full_utt=True)
        decoder.end_utt()
        found = decoder.hyp()
    return tuple(found.hypstr.split()) if found else ()


@functools.cache
def _model() -> Any:
    """With means taken over each clip: nothing one clip leaves behind changes the next."""
    from pocketsphinx import Decoder

    return Decoder(samprate=16_000, cmn="batch", loglevel="FATAL")
