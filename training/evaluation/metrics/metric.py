"""A score of a decoded wave beside its reference, and what there is to know before believing it.

Every metric sees the two waves as 16-bit samples, as a file on disk holds them. What can't be
scored (silence, too short, a crash inside a metric) raises `EvaluationError`: it is counted and
listed, never given a number.
"""

import importlib.util
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codec.errors import EvaluationError
from codec.pcm import to_pcm16

Samples = NDArray[np.int16]

PIECE_S = 20.0
"""Longer clips are scored in equal pieces of at most this many seconds, and the mean is taken."""
SILENCE_RMS = 3.0
"""Root mean square, in 16-bit steps, below which a reference counts as silent (-81 dBFS)."""


@dataclass(frozen=True)
class Metric:
    """A score and what there is to know about it before believing it."""

    title: str
    """Name with unit, as an axis shows it."""
    function: Callable[[Samples, Samples, int], float]
    """(reference [T], decoded [T], sample_rate) -> score."""
    higher_is_better: bool
    low: float
    """Worst score possible (infinite if there is no bound)."""
    high: float
    """Best score possible."""
    tolerance: float
    """Smallest change of a mean that the regression gate takes for real."""
    deaf_to: str
    """What it can't hear."""
    family: str = ""
    """What a checkpoint's `trained_on` calls it and its relatives."""
    uses_reference: bool = True
    """Whether it compares; if not, `function` looks at the decoded wave alone."""
    modules: tuple[str, ...] = ()
    """What it imports from the extra `judges`; empty for what is no judge."""
    packages: tuple[str, ...] = ()
    """Names under which those are installed: their versions go into the report."""

    def missing(self) -> str:
        """Why it can't be computed here, in one line; empty if it can."""
        absent = [name for name in self.modules if importlib.util.find_spec(name) is None]
        if not absent:
            return ""
        return f"needs {', '.join(absent)}, which is missing: pip install 'nsvq-codec[judges]'"

    def compute(self, reference: np.ndarray, decoded: np.ndarray, sample_rate: int) -> float:
        """The score of `decoded`, over pieces of at most `PIECE_S` seconds.

        A silent piece of a longer clip is left out of the mean.

        Args:
            reference: what went into the codec, aligned; float in [-1, 1] or int16.
            decoded: what came out.
            sample_rate: Hz of both; PESQ-WB and most others want 16,000.

        Shape: reference [T], decoded [T].

        Raises:
            EvaluationError: silent, too short, of another length, or not a finite score.
        """
        reference, decoded = to_16bit(reference), to_16bit(decoded)
        if reference.ndim != 1 or reference.shape != decoded.shape:
            raise EvaluationError(
                f"shapes {reference.shape} and {decoded.shape} can't be compared;"
                " give two waves [T] of one length"
            )
        if is_silent(reference):
            raise EvaluationError("the reference is silent")
        pieces = max(1, math.ceil(len(reference) / (PIECE_S * sample_rate)))
        scores = [
            self._score_piece(*pair, sample_rate)
            for pair in zip(
                np.array_split(reference, pieces), np.array_split(decoded, pieces), strict=True
            )
            if not is_silent(pair[0])
        ]
        return float(np.mean(scores))

    def _score_piece(self, reference: Samples, decoded: Samples, sample_rate: int) -> float:
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("error")
                value = self.function(reference, decoded, sample_rate)
        except EvaluationError:
            raise
        except Exception as error:  # a metric's own crash, whatever its kind, is a failure to count
            reason = str(error.args[0] if error.args else error).strip("b'") or repr(error)
            raise EvaluationError(f"{self.title}: {reason.splitlines()[0]}") from error
        if not math.isfinite(value):
            raise EvaluationError(f"{self.title}: no finite score (is it silent?)")
        return value


def to_16bit(wave: np.ndarray) -> Samples:
    """The samples a 16-bit file holds: rounded, clipped; int16 passes through.

    >>> to_16bit(np.array([0.0, 0.5, -2.0])).tolist()
    [0, 16384, -32768]
    """
    wave = np.asarray(wave)
    if wave.dtype == np.int16:
        return wave
    if not np.isfinite(wave).all():
        raise EvaluationError("the wave holds NaN or infinite samples")
    return to_pcm16(wave)


def is_silent(samples: Samples) -> bool:
    """Whether there is nothing to hear in `samples`."""
    return len(samples) == 0 or math.sqrt(np.mean(samples.astype(np.float64) ** 2)) < SILENCE_RMS
