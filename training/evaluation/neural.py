"""Other neural codecs by architecture, with random weights: enough to measure what they cost."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from codec.errors import EvaluationError


@dataclass(frozen=True)
class Neural:
    """A network that can be timed."""

    sample_rate: int
    num_parameters: int
    encode: Callable[[np.ndarray], Any]
    """wave [T] float32 -> codes, of whatever form `decode` takes."""
    decode: Callable[[Any], Any]


def build_neural(name: str) -> Neural:
    """The architecture `name` of ARCHITECTURES, untrained.

    Raises:
        EvaluationError: its package is not installed.
    """
    try:
        return ARCHITECTURES[name]()
    except ModuleNotFoundError as error:
        raise EvaluationError(
            f"{name} needs the package {error.name}: pip install transformers"
        ) from error


def _mimi() -> Neural:
    from transformers import MimiConfig, MimiModel

    model = MimiModel(MimiConfig()).eval()
    return _wrap(model, lambda wave: model.encode(wave, num_quantizers=8).audio_codes, model.decode)


def _encodec() -> Neural:
    from transformers import EncodecConfig, EncodecModel

    model = EncodecModel(EncodecConfig()).eval()
    return _wrap(
        model,
        lambda wave: model.encode(wave, bandwidth=6.0),
        lambda found: model.decode(found.audio_codes, found.audio_scales),
    )


def _dac() -> Neural:
    from transformers import DacConfig, DacModel

    model = DacModel(DacConfig()).eval()
    return _wrap(
        model,
        lambda wave: model.encode(wave).quantized_representation,
        model.decode,
    )


def _wrap(model: Any, encode: Callable[[Any], Any], decode: Callable[[Any], Any]) -> Neural:
    import torch

    @torch.no_grad()
    def encode_wave(wave: np.ndarray) -> Any:
        return encode(torch.from_numpy(wave)[None, None])

    return Neural(
        int(model.config.sampling_rate),
        sum(parameter.numel() for parameter in model.parameters()),
        encode_wave,
        torch.no_grad()(decode),
    )


ARCHITECTURES: dict[str, Callable[[], Neural]] = {"mimi": _mimi, "encodec": _encodec, "dac": _dac}
"""By the name that `nsvq bench --neural` uses."""

NOMINAL_KBPS = {"mimi": 1.1, "encodec": 6.0, "dac": 8.0}
"""Bitrate at which each is run."""
