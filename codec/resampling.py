"""Waves at another sample rate, at once or in blocks."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import soxr

_VALUES = 2**20


def resample(wave: np.ndarray, from_rate: int, to_rate: int) -> np.ndarray:
    """The wave at another sample rate (soxr, high quality).

    Shape: wave [C, T] -> [C, round(T · to_rate / from_rate)] float32.

    >>> resample(np.zeros((1, 441)), 44_100, 16_000).shape
    (1, 160)
    """

    def length(num_samples: int) -> int:
        return (2 * num_samples * to_rate + from_rate) // (2 * from_rate)

    blocks = resample_blocks([wave], from_rate, to_rate, length)
    return np.concatenate([np.zeros((len(wave), 0), np.float32), *blocks], axis=1)


def resample_blocks(
    blocks: Iterable[np.ndarray], from_rate: int, to_rate: int, length: Callable[[int], int]
) -> Iterator[np.ndarray]:
    """A wave that comes in blocks at another sample rate; blocks don't show in the result.

    Args:
        length: how many samples to give out, from how many came in; the last block is cut, or
            padded with zeros, to fit.

    Shape: blocks [C, T] -> blocks [C, T'] float32, about a million values at most in each.
    """
    stream: soxr.ResampleStream | None = None
    waiting: np.ndarray | None = None
    num_in = num_out = 0
    for given in _pieces(blocks, from_rate, to_rate):
        if waiting is not None and waiting.shape[1]:
            num_out += waiting.shape[1]
            yield waiting
        block = np.asarray(given, np.float32)
        num_in += block.shape[1]
        stream = stream or _stream(from_rate, to_rate, len(block))
        waiting = _push(stream, block)
    if waiting is None:
        return
    tail = _push(stream, waiting[:, :0], last=True)
    rest = np.concatenate([waiting, tail], axis=1)[:, : max(0, length(num_in) - num_out)]
    missing = length(num_in) - num_out - rest.shape[1]
    yield np.pad(rest, ((0, 0), (0, max(0, missing))))


def _pieces(blocks: Iterable[np.ndarray], from_rate: int, to_rate: int) -> Iterator[np.ndarray]:
    """The same wave in blocks that give at most `_VALUES` values each."""
    for block in blocks:
        step = max(1, min(_VALUES, _VALUES * from_rate // to_rate) // max(1, len(block)))
        for start in range(0, block.shape[1], step):
            yield block[:, start : start + step]


def _stream(from_rate: int, to_rate: int, channels: int) -> soxr.ResampleStream | None:
    if from_rate == to_rate:
        return None
    return soxr.ResampleStream(from_rate, to_rate, channels, dtype="float32", quality="HQ")


def _push(stream: soxr.ResampleStream | None, wave: np.ndarray, last: bool = False) -> np.ndarray:
    if stream is None:
        return wave
    return stream.resample_chunk(np.ascontiguousarray(wave.T), last=last).T
