"""How near the decoded wave is to the original, by long-known measures."""

import numpy as np

from codec.errors import EvaluationError
from training.evaluation.metrics.metric import Samples
from training.evaluation.metrics.spectrum import ratio_db


def pesq(reference: Samples, decoded: Samples, sample_rate: int, mode: str) -> float:
    """ITU-T P.862 with the mapping of P.862.2 (wide band) or P.862.1 (narrow band)."""
    from pesq import pesq as measure

    if not decoded.any():
        raise EvaluationError("PESQ: the decoded wave is silent")
    return float(measure(sample_rate, reference, decoded, mode))


def stoi(reference: Samples, decoded: Samples, sample_rate: int, extended: bool) -> float:
    """Taal et al. 2011; extended: Jensen and Taal 2016. Its warning on short clips is an error."""
    from pystoi import stoi as measure

    return float(measure(reference / 32768.0, decoded / 32768.0, sample_rate, extended=extended))


def si_sdr(reference: Samples, decoded: Samples, sample_rate: int) -> float:
    """Scale-invariant signal-to-distortion ratio (Le Roux et al. 2019), at most `CEILING_DB`."""
    target, estimate = (s - s.mean() for s in (reference.astype(float), decoded.astype(float)))
    target = target * (target @ estimate) / (target @ target)
    return ratio_db(target @ target, np.sum((estimate - target) ** 2))
