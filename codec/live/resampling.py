"""Another sample rate with 2 ms of delay: a short filter, a little at a time.

soxr, which files are resampled with, works in blocks that hold a stream back by 37 to 116 ms. Here
each sample is the sum over the input around it, weighted with a sinc under a Kaiser window:

    input    x x x x x x|x x x x x x        taps: half before, half after
    output          y   |                   at phase p of `up` between two input samples
"""

import functools
import math
from collections.abc import Callable, Iterator

import numpy as np

ZERO_CROSSINGS = 32
"""Of the sinc to each side, at the lower of both rates."""
KAISER_BETA = 8.0
"""About 80 dB below the passband; half-way there at the lower rate's Nyquist frequency."""
_RUN = 4_096


class ShortResampler:
    """A wave of one channel at another rate, in pieces; they don't show in the result.

    Args:
        length: how many samples to give out in all, from how many came in.
    """

    def __init__(self, from_rate: int, to_rate: int, length: Callable[[int], int]) -> None:
        shared = math.gcd(from_rate, to_rate)
        self._up, self._down, self._length = to_rate // shared, from_rate // shared, length
        self._same = from_rate == to_rate
        self._filters = _filters(self._up, self._down)
        self._half = self._filters.shape[1] // 2
        self._held = np.zeros(self._half - 1, np.float32)
        self._first = 1 - self._half
        """Number of the first sample held; the recording's first is 0."""
        self._num_in = self._num_out = 0

    def push(self, wave: np.ndarray) -> Iterator[np.ndarray]:
        """Shape: wave [1, T] -> waves [1, T']."""
        self._num_in += wave.shape[1]
        if self._same:
            yield wave
            return
        self._held = np.concatenate([self._held, np.asarray(wave[0], np.float32)])
        reach = self._num_in - self._half
        yield from self._up_to(-(-reach * self._up // self._down))

    def finish(self) -> Iterator[np.ndarray]:
        """The rest, once all is in. Shape: -> waves [1, T']."""
        if not self._same:
            self._held = np.concatenate([self._held, np.zeros(self._half + 1, np.float32)])
            yield from self._up_to(self._length(self._num_in))

    def _up_to(self, stop: int) -> Iterator[np.ndarray]:
        """Samples up to number `stop`. Shape: -> waves [1, T']."""
        taps = 2 * self._half
        while self._num_out < stop:
            numbers = np.arange(self._num_out, min(stop, self._num_out + _RUN)) * self._down
            place = numbers // self._up - self._half + 1 - self._first
            windows = np.lib.stride_tricks.sliding_window_view(self._held, taps)[place]
            self._num_out += len(numbers)
            yield (windows * self._filters[numbers % self._up]).sum(axis=1)[None]
        used = self._num_out * self._down // self._up - self._half + 1 - self._first
        self._held, self._first = self._held[max(0, used) :].copy(), self._first + max(0, used)


def delay_ms(from_rate: int, to_rate: int) -> float:
    """Time that a sample waits in a `ShortResampler` for those after it.

    >>> delay_ms(48_000, 16_000), delay_ms(16_000, 48_000), delay_ms(16_000, 16_000)
    (2.0, 2.0, 0.0)
    """
    if from_rate == to_rate:
        return 0.0
    return 1000.0 * math.ceil(ZERO_CROSSINGS * max(1.0, from_rate / to_rate)) / from_rate


@functools.lru_cache(maxsize=16)
def _filters(up: int, down: int) -> np.ndarray:
    """One filter for each phase, each of sum 1. Shape: -> [up, taps] float32."""
    cutoff = min(1.0, up / down)
    half = math.ceil(ZERO_CROSSINGS * max(1.0, down / up))
    distance = np.arange(1 - half, half + 1) - np.arange(up)[:, None] / up
    inside = np.clip(1.0 - np.square(distance / half), 0.0, None)
    filters = np.sinc(cutoff * distance) * np.i0(KAISER_BETA * np.sqrt(inside))
    return (filters / filters.sum(axis=1, keepdims=True)).astype(np.float32)
