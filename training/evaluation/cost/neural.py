"""Other neural codecs by architecture, with random weights: enough to measure what they cost."""

import importlib.util
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from codec.errors import EvaluationError


@dataclass(frozen=True)
class Neural:
    """A network that can be timed."""

    sample_rate: int
    kbps: float
    delay_ms: float
    """A frame, which a causal network waits for; NaN: it hears the whole clip first."""
    num_parameters: int
    encode: Callable[[np.ndarray], Any]
    """wave [T] float32 -> codes, of whatever form `decode` takes."""
    decode: Callable[[Any], Any]


def build_neural(name: str) -> Neural:
    """The architecture `name` of ARCHITECTURES, untrained.

    Raises:
        EvaluationError: the package that holds it is not installed.
    """
    if reason := missing():
        raise EvaluationError(f"{name}: {reason}")
    return ARCHITECTURES[name]()


def missing() -> str:
    """Why none can be built here, in one line; empty if they can."""
    found = importlib.util.find_spec("transformers")
    return "" if found else "package transformers not found (pip install transformers)"


def _mimi() -> Neural:
    from transformers import MimiConfig, MimiModel

    model = MimiModel(MimiConfig()).eval()
    return _wrap(
        model,
        lambda wave: model.encode(wave, num_quantizers=8).audio_codes,
        model.decode,
        kbps=8 * 11 * model.config.frame_rate / 1000.0,
        delay_ms=1000.0 / model.config.frame_rate,
    )


def _encodec() -> Neural:
    from transformers import EncodecConfig, EncodecModel

    model = EncodecModel(EncodecConfig()).eval()
    return _wrap(
        model,
        lambda wave: model.encode(wave, bandwidth=6.0),
        lambda found: model.decode(found.audio_codes, found.audio_scales),
        kbps=6.0,
        delay_ms=1000.0 / model.config.frame_rate,
    )


def _dac() -> Neural:
    from transformers import DacConfig, DacModel

    # as published for 16 kHz; the class's own defaults are no published model
    model = DacModel(DacConfig(downsampling_ratios=(2, 4, 5, 8), n_codebooks=12)).eval()
    return _wrap(
        model,
        lambda wave: model.encode(wave).quantized_representation,
        model.decode,
        kbps=12 * 10 * model.config.frame_rate / 1000.0,
        delay_ms=math.nan,
    )


def _wrap(
    model: Any, encode: Callable[[Any], Any], decode: Callable[[Any], Any], *,
    kbps: float, delay_ms: float,
) -> Neural:  # fmt: skip
    import torch

    @torch.no_grad()
    def encode_wave(wave: np.ndarray) -> Any:
        return encode(torch.from_numpy(wave)[None, None])

    return Neural(
        int(model.config.sampling_rate),
        kbps,
        delay_ms,
        sum(parameter.numel() for parameter in model.parameters()),
        encode_wave,
        torch.no_grad()(decode),
    )


ARCHITECTURES: dict[str, Callable[[], Neural]] = {"mimi": _mimi, "encodec": _encodec, "dac": _dac}
"""By the name that `nsvq bench --neural` uses."""
