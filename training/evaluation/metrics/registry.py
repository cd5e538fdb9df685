"""Every metric the harness knows: one function each, one line in `METRICS`."""

import functools
import math
from collections.abc import Iterable

import numpy as np

from codec.errors import EvaluationError
from training.evaluation.metrics.fidelity import pesq, si_sdr, stoi
from training.evaluation.metrics.judges.distillmos import distillmos
from training.evaluation.metrics.judges.dnsmos import dnsmos
from training.evaluation.metrics.judges.plcmos import plcmos
from training.evaluation.metrics.judges.speaker import speaker
from training.evaluation.metrics.judges.visqol import visqol
from training.evaluation.metrics.judges.words import words
from training.evaluation.metrics.metric import Metric
from training.evaluation.metrics.pitch import pitch_error_cents, voicing_error_percent
from training.evaluation.metrics.spectrum import (
    CEILING_DB,
    balance_db,
    log_spectral_db,
    mel_db,
    perceptual_snr_db,
    treble_db,
)
from training.evaluation.plugins import is_plugin, load_plugin


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
    """The metric called `name`; `package.module:function` is loaded and known from then on.

    Raises:
        EvaluationError: there is none, or a package it needs is missing.
    """
    if name not in METRICS:
        if not is_plugin(name):
            known = ", ".join((*METRICS, *METRIC_GROUPS))
            raise EvaluationError(f"no metric {name!r}; known: {known}, or package.module:function")
        METRICS[name] = _as_metric(name, load_plugin(name))
    if reason := METRICS[name].missing():
        raise EvaluationError(f"metric {name} {reason}")
    return METRICS[name]


def expand_groups(names: Iterable[str]) -> tuple[str, ...]:
    """`names` with every group replaced by its metrics, each once.

    >>> expand_groups(["stoi", "natural"])
    ('stoi', 'pesq_wb', 'distillmos', 'speaker')
    """
    return tuple(dict.fromkeys(one for n in names for one in METRIC_GROUPS.get(n, (n,))))


def _as_metric(name: str, found: object) -> Metric:
    """A plug-in as it is, or a bare function as a score without bounds that should be high."""
    if isinstance(found, Metric):
        return found
    if not callable(found):
        raise EvaluationError(f"metric {name}: is neither a function nor a Metric")
    return Metric(name.rpartition(":")[2], found, True, -math.inf, math.inf, 0.0, "not told")


METRICS: dict[str, Metric] = {
    "pesq_wb": Metric(
        "PESQ-WB (MOS-LQO)",
        functools.partial(pesq, mode="wb"),
        True,
        1.04,
        4.64,
        0.01,
        "changes that keep the loudness of each band; anything above 8 kHz; speaker identity",
        "pesq",
    ),
    "pesq_nb": Metric(
        "PESQ-NB (MOS-LQO)",
        functools.partial(pesq, mode="nb"),
        True,
        1.02,
        4.55,
        0.01,
        "everything outside the telephone band, 0.3 to 3.4 kHz",
        "pesq",
    ),
    "stoi": Metric(
        "STOI",
        functools.partial(stoi, extended=False),
        True,
        0.0,
        1.0,
        0.001,
        "noise between words, quality above intelligibility, anything above 5 kHz",
        "stoi",
    ),
    "estoi": Metric(
        "ESTOI",
        functools.partial(stoi, extended=True),
        True,
        0.0,
        1.0,
        0.001,
        "as STOI, but it hears modulated noise",
        "stoi",
    ),
    "si_sdr": Metric(
        "SI-SDR (dB)",
        si_sdr,
        True,
        -math.inf,
        CEILING_DB,
        0.05,
        "perception: it punishes any change of phase, heard or not",
        "wave",
    ),
    "psnr": Metric(
        "perceptual SNR (dB)",
        perceptual_snr_db,
        True,
        -math.inf,
        CEILING_DB,
        0.05,
        "that a decoder may rebuild another, equally good waveform",
        "wave",
    ),
    "lsd": Metric(
        "log-spectral distance (dB)",
        log_spectral_db,
        False,
        math.inf,
        0.0,
        0.02,
        "phase; it weighs inaudible valleys between harmonics like their peaks",
        "mel",
    ),
    "mel": Metric(
        "mel distance (dB)",
        mel_db,
        False,
        math.inf,
        0.0,
        0.02,
        "phase and pitch: harmonics vanish inside the upper bands",
        "mel",
    ),
    "balance": Metric(
        "balance of bands (dB)",
        balance_db,
        False,
        math.inf,
        0.0,
        0.05,
        "all but the level of each band over the whole clip",
        "mel",
    ),
    "treble": Metric(
        "level above 7 kHz (dB apart)",
        treble_db,
        False,
        math.inf,
        0.0,
        0.1,
        "all below 7 kHz, and whether what is above it is breath or tones",
        "mel",
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
    "distillmos": Metric(
        "DistillMOS",
        distillmos,
        True,
        1.0,
        5.0,
        0.03,
        "whether it is still the same person or the same words: it hears no reference",
        "distillmos",
        uses_reference=False,
        modules=("distillmos",),
        packages=("distillmos",),
    ),
    "dnsmos_ovrl": Metric(
        "DNSMOS overall",
        functools.partial(dnsmos, part="ovrl_mos"),
        True,
        1.0,
        5.0,
        0.03,
        "as DistillMOS; it also lowers what was noisy before it was coded",
        "dnsmos",
        uses_reference=False,
        modules=("speechmos", "onnxruntime", "librosa", "requests"),
        packages=("speechmos",),
    ),
    "dnsmos_sig": Metric(
        "DNSMOS signal",
        functools.partial(dnsmos, part="sig_mos"),
        True,
        1.0,
        5.0,
        0.03,
        "as DistillMOS, and noise in the background",
        "dnsmos",
        uses_reference=False,
        modules=("speechmos", "onnxruntime", "librosa", "requests"),
        packages=("speechmos",),
    ),
    "dnsmos_p808": Metric(
        "DNSMOS P.808",
        functools.partial(dnsmos, part="p808_mos"),
        True,
        1.0,
        5.0,
        0.03,
        "as DistillMOS; it sees mel bands alone, so no phase",
        "dnsmos",
        uses_reference=False,
        modules=("speechmos", "onnxruntime", "librosa", "requests"),
        packages=("speechmos",),
    ),
    "plcmos": Metric(
        "PLCMOS",
        plcmos,
        True,
        1.0,
        5.0,
        0.03,
        "as DistillMOS; it was taught on concealed losses, not on codecs",
        "plcmos",
        uses_reference=False,
        modules=("speechmos", "onnxruntime", "librosa", "requests"),
        packages=("speechmos",),
    ),
    "visqol": Metric(
        "ViSQOL speech (MOS-LQO)",
        visqol,
        True,
        1.0,
        5.0,
        0.03,
        "phase; what lies above the speech bands; quality that another, equally good voice has",
        "visqol",
        modules=("visqol", "ai_edge_litert"),
        packages=("visqol-python",),
    ),
    "speaker": Metric(
        "speaker similarity",
        speaker,
        True,
        0.0,
        1.0,
        0.003,
        "words and quality: only whose voice it is, seen through 40 mel bands",
        "speaker",
        modules=("resemblyzer", "webrtcvad"),
        packages=("Resemblyzer",),
    ),
    "words": Metric(
        "words heard otherwise (%)",
        words,
        False,
        math.inf,
        0.0,
        1.0,
        "quality above being understood; in other languages than English it hears nonsense",
        "words",
        modules=("pocketsphinx",),
        packages=("pocketsphinx",),
    ),
}
"""Every metric by the name that `--metrics` and the result columns use."""

METRIC_GROUPS: dict[str, tuple[str, ...]] = {
    "natural": ("pesq_wb", "stoi", "distillmos", "speaker"),
    "loss": ("pesq_wb", "stoi", "plcmos"),
    "judges": (
        "distillmos",
        "dnsmos_ovrl",
        "dnsmos_sig",
        "dnsmos_p808",
        "visqol",
        "speaker",
        "words",
    ),
}
"""Sets of metrics by the name that `--metrics` takes as well."""
