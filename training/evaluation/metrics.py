"""How far a decoded wave is from its reference: one function a metric, one line in `METRICS`.

Every metric sees the two waves as 16-bit samples, as a file on disk holds them. What can't be
scored (silence, too short, a crash inside a metric) raises `EvaluationError`: it is counted and
listed, never given a number.
"""

import functools
import math
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codec.errors import EvaluationError
from training.evaluation.pitch import pitch_error_cents, voicing_error_percent
from training.evaluation.spectral import log_spectral_db, mel_db, perceptual_snr_db

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
            raise EvaluationError(f"{self.title}: no finite score (silent or identical waves)")
        return value


def score(
    reference: np.ndarray,
    decoded: np.ndarray,
    sample_rate: int,
    names: Iterable[str] = ("pesq_wb", "stoi"),
) -> dict[str, float]:
    """The scores called `names`, on both waves as 16-bit samples.

    Shape: reference [T], decoded [T].

    Raises:
        EvaluationError: an unknown name, or anything `Metric.compute` refuses.
    """
    return {name: find_metric(name).compute(reference, decoded, sample_rate) for name in names}


def find_metric(name: str) -> Metric:
    """The metric called `name`.

    Raises:
        EvaluationError: there is none.
    """
    if name not in METRICS:
        raise EvaluationError(f"no metric {name!r}; known: {', '.join(METRICS)}")
    return METRICS[name]


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
    return np.clip(np.rint(wave * 32768.0), -32768, 32767).astype(np.int16)


def is_silent(samples: Samples) -> bool:
    """Whether there is nothing to hear in `samples`."""
    return len(samples) == 0 or math.sqrt(np.mean(samples.astype(np.float64) ** 2)) < SILENCE_RMS


def _pesq(reference: Samples, decoded: Samples, sample_rate: int, mode: str) -> float:
    """ITU-T P.862 with the mapping of P.862.2 (wide band) or P.862.1 (narrow band)."""
    from pesq import pesq

    if not decoded.any():
        raise EvaluationError("PESQ: the decoded wave is silent")
    return float(pesq(sample_rate, reference, decoded, mode))


def _stoi(reference: Samples, decoded: Samples, sample_rate: int, extended: bool) -> float:
    """Taal et al. 2011; extended: Jensen and Taal 2016. Its warning on short clips is an error."""
    from pystoi import stoi

    return float(stoi(reference / 32768.0, decoded / 32768.0, sample_rate, extended=extended))


def _si_sdr(reference: Samples, decoded: Samples, sample_rate: int) -> float:
    """Scale-invariant signal-to-distortion ratio (Le Roux et al. 2019)."""
    target, estimate = (s - s.mean() for s in (reference.astype(float), decoded.astype(float)))
    target = target * (target @ estimate) / (target @ target)
    return 10.0 * math.log10((target @ target) / np.sum((estimate - target) ** 2))


METRICS: dict[str, Metric] = {
    "pesq_wb": Metric(
        "PESQ-WB (MOS-LQO)",
        functools.partial(_pesq, mode="wb"),
        True,
        1.04,
        4.64,
        0.01,
        "changes that keep the loudness of each band; anything above 8 kHz; speaker identity",
    ),
    "pesq_nb": Metric(
        "PESQ-NB (MOS-LQO)",
        functools.partial(_pesq, mode="nb"),
        True,
        1.02,
        4.55,
        0.01,
        "everything outside the telephone band, 0.3 to 3.4 kHz",
    ),
    "stoi": Metric(
        "STOI",
        functools.partial(_stoi, extended=False),
        True,
        0.0,
        1.0,
        0.001,
        "noise between words, quality above intelligibility, anything above 5 kHz",
    ),
    "estoi": Metric(
        "ESTOI",
        functools.partial(_stoi, extended=True),
        True,
        0.0,
        1.0,
        0.001,
        "as STOI, but it hears modulated noise",
    ),
    "si_sdr": Metric(
        "SI-SDR (dB)",
        _si_sdr,
        True,
        -math.inf,
        math.inf,
        0.05,
        "perception: it punishes any change of phase, heard or not",
    ),
    "psnr": Metric(
        "perceptual SNR (dB)",
        perceptual_snr_db,
        True,
        -math.inf,
        math.inf,
        0.05,
        "that a decoder may rebuild another, equally good waveform",
    ),
    "lsd": Metric(
        "log-spectral distance (dB)",
        log_spectral_db,
        False,
        math.inf,
        0.0,
        0.02,
        "phase; it weighs inaudible valleys between harmonics like their peaks",
    ),
    "mel": Metric(
        "mel distance (dB)",
        mel_db,
        False,
        math.inf,
        0.0,
        0.02,
        "phase and pitch: harmonics vanish inside the upper bands",
    ),
    "f0": Metric(
        "F0 error (cents)",
        pitch_error_cents,
        False,
        math.inf,
        0.0,
        1.0,
        "all but the melody; frames that are voiced in only one of the two waves",
    ),
    "voicing": Metric(
        "voicing error (% of frames)",
        voicing_error_percent,
        False,
        100.0,
        0.0,
        0.1,
        "all but whether there is a pitch",
    ),
}
"""Every metric by the name that `--metrics` and the result columns use."""
