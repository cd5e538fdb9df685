"""Many waves in one call, each coded as if it were alone.

On a CPU they are coded one after the other: a batch has the codes of its waves exactly. On a GPU,
waves of up to half a minute are padded to a common length and computed at once:

    sorted by length    |--|--|---|----|   |------|-------|--------|   |-------------|
                        one batch           the next                    ...

Padding stays out of the codes (`TorchBackend.encode_batch`), but a GPU may round sums of another
size in another way, so that a code whose two best codewords are as near may be the other one.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from codec.arrays import as_wave, like
from codec.errors import CodecError
from codec.resampling import resample_blocks

if TYPE_CHECKING:
    from codec.arrays import Array
    from codec.codec import Codec

LONGEST_S = 30.0
"""Waves longer than this are coded in windows, one by one."""
BATCH_S = 240.0
"""Audio in a batch at most, padding included."""


@runtime_checkable
class BatchBackend(Protocol):
    """A backend that computes several waves at once."""

    together: bool
    """Whether that pays here."""

    def encode_batch(
        self, waves: Sequence[np.ndarray], num_stages: int, effort: int = 1
    ) -> list[np.ndarray]:
        """Shape: waves [T] each, at the model's rate -> codes [num_stages, F] each."""


def batch_backend(codec: "Codec") -> BatchBackend | None:
    """The codec's backend if it computes several waves at once."""
    backend = codec.backend
    return backend if isinstance(backend, BatchBackend) and backend.together else None


def encode_each(
    codec: "Codec", waves: "Sequence[Array]", sample_rate: int, num_stages: int
) -> "list[Array]":
    """The codes of each wave.

    Shape: waves [C, T] or [T] each, of any lengths -> codes [C, Q, F] each.

    Raises:
        AudioError: the message names which wave can't be coded.
    """
    at_once, ready = batch_backend(codec), dict[int, np.ndarray]()
    found: list[Array] = []
    for index, wave in enumerate(waves):
        try:
            if at_once and 0 < np.shape(wave)[-1] <= LONGEST_S * sample_rate:
                ready[index] = _resampled(codec, wave, sample_rate, num_stages)
                found.append(wave)
            else:
                found.append(codec.encode(wave, sample_rate, num_stages=num_stages))
        except CodecError as error:
            raise type(error)(f"wave {index} of {len(waves)}: {error}") from error
    if at_once:
        for group in _alike(ready, BATCH_S * codec.config.sample_rate):
            rows = [row for index in group for row in ready[index]]
            codes = iter(at_once.encode_batch(rows, num_stages, codec.effort))
            for index in group:
                found[index] = like(waves[index], np.stack([next(codes) for _ in ready[index]]))
    return found


def decode_each(codec: "Codec", codes: "Sequence[Array]", num_samples: int | None) -> "list[Array]":
    """The wave of each item's codes, one after the other.

    Shape: codes [C, Q, F] each, of any Q and F -> waves [C, T] each.

    Raises:
        BitstreamError: the message names which item can't be decoded.
    """
    found = []
    for index, one in enumerate(codes):
        try:
            found.append(codec.decode(one, num_samples))
        except CodecError as error:
            raise type(error)(f"item {index} of {len(codes)}: {error}") from error
    return found


def _resampled(codec: "Codec", wave: "Array", sample_rate: int, num_stages: int) -> np.ndarray:
    """A wave, checked, at the model's rate. Shape: [C, T] or [T] -> [C, T]."""
    array, rate = as_wave(wave), codec.config.sample_rate
    codec.header(sample_rate, len(array), num_stages)  # refuses what can't be coded
    blocks = resample_blocks([array], sample_rate, rate, lambda n: -(-n * rate // sample_rate))
    return np.concatenate([np.zeros((len(array), 0), np.float32), *blocks], axis=1)


def _alike(waves: dict[int, np.ndarray], most: float) -> Iterator[list[int]]:
    """Indices of waves of about the same length, each group `most` samples with its padding.

    >>> waves = {i: np.zeros((1, n)) for i, n in enumerate([9, 2, 8, 3])}
    >>> list(_alike(waves, 20))
    [[1, 3], [2, 0]]
    """
    group: list[int] = []
    for index in sorted(waves, key=lambda i: waves[i].shape[1]):
        channels = sum(len(waves[i]) for i in (*group, index))
        if group and channels * waves[index].shape[1] > most:
            yield group
            group = []
        group.append(index)
    if group:
        yield group
