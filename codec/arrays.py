"""What callers give, numpy or torch, as checked numpy arrays; and results as the same kind."""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from codec.audio import BLOCK_SAMPLES, check_wave
from codec.config import ModelConfig
from codec.errors import AudioError, BitstreamError

if TYPE_CHECKING:
    from torch import Tensor

Array: TypeAlias = "np.ndarray | Tensor"
MAX_CHANNELS = 255
"""What the file format holds."""


def as_wave(wave: Array) -> np.ndarray:
    """A wave, checked.

    Shape: wave [C, T] or [T] floats -> [C, T] float32.

    Raises:
        AudioError: another shape or type, NaN or infinite samples, samples far beyond [-1, 1].

    >>> as_wave(np.zeros(3)).shape
    (1, 3)
    """
    array = _as_numpy(wave)
    if array.ndim not in (1, 2) or not np.issubdtype(array.dtype, np.floating):
        raise AudioError(
            f"wave is {array.dtype} {array.shape}; expected floats in [-1, 1], [C, T] or [T]"
        )
    array = np.atleast_2d(array)
    if len(array) > MAX_CHANNELS >= array.shape[1] > 0:
        raise AudioError(
            f"wave has {len(array)} channels of {array.shape[1]} samples; expected [C, T] with at "
            f"most {MAX_CHANNELS} channels: did you mean to transpose it?"
        )
    check_wave(array, "wave")
    return array.astype(np.float32, copy=False)


def as_sample_rate(sample_rate: float) -> int:
    """A sample rate in Hz, checked to be a whole number.

    Raises:
        AudioError: NaN, infinity, a fraction, or no number at all.

    >>> as_sample_rate(44100.0)
    44100
    """
    try:
        whole = int(sample_rate)
    except (TypeError, ValueError, OverflowError) as error:
        raise AudioError(f"sample rate {sample_rate!r}; expected a whole number of Hz") from error
    if whole != sample_rate:
        raise AudioError(f"sample rate {sample_rate!r}; expected a whole number of Hz")
    return whole


def as_codes(codes: Array, config: ModelConfig) -> np.ndarray:
    """Codes, checked.

    Shape: codes [C, Q, F] integers in [0, K), -1 where a later stage has none -> the same, int64.

    Raises:
        BitstreamError: another shape, type or range, or a code behind a stage that has none.

    >>> as_codes(np.array([[[5], [-1], [-1]]]), ModelConfig(num_stages=3)).ravel()
    array([ 5, -1, -1])
    """
    array = _as_numpy(codes)
    good = array.ndim == 3 and len(array) > 0 and np.issubdtype(array.dtype, np.integer)
    if not good or not 1 <= array.shape[1] <= config.num_stages:
        raise BitstreamError(
            f"codes are {array.dtype} {array.shape}; expected integers [C, Q, F] with C from 1 "
            f"and Q from 1 to {config.num_stages}"
        )
    good = not array.size or (
        array.min() >= -1 and array[:, 0].min() >= 0 and array.max() < config.codebook_size
    )
    if not good:
        raise BitstreamError(
            f"codes reach from {array.min()} to {array.max()}; expected 0 to "
            f"{config.codebook_size - 1}, or -1 for none in stages after the first"
        )
    there = array >= 0
    if (there[:, 1:] > there[:, :-1]).any():
        raise BitstreamError(
            "a frame has a code after a stage that has none; expected -1 in all later stages"
        )
    return array.astype(np.int64, copy=False)


def split_wave(wave: np.ndarray) -> Iterator[np.ndarray]:
    """The wave in blocks as a file would give them. Shape: [C, T] -> [C, T] each."""
    for start in range(0, wave.shape[1], BLOCK_SAMPLES):
        yield wave[:, start : start + BLOCK_SAMPLES]


def like(given: Array, array: np.ndarray) -> Array:
    """`array` as the kind, and on the device, of what was given."""
    if isinstance(given, np.ndarray) or not _is_tensor(given):
        return array
    return sys.modules["torch"].from_numpy(array).to(given.device)


def _is_tensor(given: object) -> bool:
    """Whether torch made it; torch is not imported to find out."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(given, torch.Tensor)


def _as_numpy(given: Array) -> np.ndarray:
    if isinstance(given, np.ndarray) or not _is_tensor(given):
        return np.asarray(given)
    tensor = given.detach().cpu()
    # numpy has no bfloat16
    return (tensor.float() if tensor.is_floating_point() else tensor).numpy()
