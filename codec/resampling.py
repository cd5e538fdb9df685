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

    A filter's last samples, and a network's last frame, may reach beyond the end. Where that is, is
    known only for what came in so far, so what lies beyond it waits:

        |---- given out ----|-- ready --|-- waits --|
                                        length(samples that came in so far)

    Args:
        length: how many samples to give out, from how many came in; never fewer for more. In the
            end what still waits is dropped, and what is missing are zeros.

    Shape: blocks [C, T] -> blocks [C, T'] float32, about a million values at most in each.
    """
    stream: soxr.ResampleStream | None = None
    waiting: np.ndarray | None = None
    num_in = num_out = 0
    for given in _pieces(blocks, from_rate, to_rate):
        block = np.asarray(given, np.float32)
        num_in += block.shape[1]
        stream = stream or _stream(from_rate, to_rate, len(block))
        waiting = _joined(waiting, _push(stream, block))
        ready = waiting[:, : max(0, length(num_in) - num_out)]
        waiting = waiting[:, ready.shape[1] :]
        num_out += ready.shape[1]
        if ready.shape[1]:
            yield ready
    if waiting is None:
        return
    missing = length(num_in) - num_out
    rest = _joined(waiting, _push(stream, waiting[:, :0], last=True))[:, :missing]
    if missing or not num_out:
        yield np.pad(rest, ((0, 0), (0, missing - rest.shape[1])))


def _joined(waiting: np.ndarray | None, more: np.ndarray) -> np.ndarray:
    if waiting is None or not waiting.shape[1]:
        return more
    return np.concatenate([waiting, more], axis=1)


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
