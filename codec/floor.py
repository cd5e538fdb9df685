"""A floor of noise under all that is decoded.

A pause that is coded with few bits decodes to next to nothing, in places, where the recording had
the hiss of its room, and such holes are heard (docs/research.md). The floor fills them: noise that
is louder at low frequencies, as in rooms, with a standard deviation of four steps of 16 bits, -78
dB of full scale. Where all has been quiet for a while it is quieter: 60 dB below what was loudest,
as if that faded by 3 dB every 2,048 samples, 24 dB a second at 16 kHz.
"""

import functools

import numpy as np

from codec.noise import noise

LEVEL = 4.0 / 32_768.0
"""Standard deviation of the noise, at most."""
BLOCK = 2_048
"""Samples that have it at one level."""
_BLOCKS = 32
"""Of the noise, until it repeats."""
_SHARE = 1.0 / 1_024.0
"""Of the loudest sample."""
_FADED = 2.0**-0.5
"""What is left of that a block later."""
_LOUDEST_AT_FIRST = 0.25
_SLOPE, _TAPS = 0.5, 16
"""Each sample is white noise plus this share of the sample before, and so on, so many in all."""


class Floor:
    """The floor of one channel of a recording, at the network's rate.

    >>> wave = np.zeros(20 * BLOCK, np.float32)
    >>> Floor().add(wave)
    >>> [round(float(block.std() / LEVEL), 1) for block in np.split(wave, 20)[::4]]
    [1.0, 0.5, 0.1, 0.0, 0.0]
    """

    def __init__(self) -> None:
        self._position = 0
        self._loudest = _LOUDEST_AT_FIRST
        self._heard = 0.0
        """The loudest sample of the block so far."""
        _shape()  # before the first packet of a conversation, not with it

    def add(self, wave: np.ndarray) -> None:
        """To the samples that come next, in place. Shape: wave [T] float32."""
        begun = self._position % BLOCK
        rest = wave[: BLOCK - begun] if begun else wave[:0]
        whole, last = np.split(wave[len(rest) :], [(len(wave) - len(rest)) // BLOCK * BLOCK])
        for rows in (rest[None], whole.reshape(-1, BLOCK), last[None]):
            if rows.size:
                self._add(rows)

    def _add(self, rows: np.ndarray) -> None:
        """Whole blocks, or what belongs to one. Shape: rows [N, T]."""
        block, start = divmod(self._position, BLOCK)
        levels = [self._next_level(heard, rows.shape[1]) for heard in np.abs(rows).max(1).tolist()]
        turns = (block + np.arange(len(rows))) % _BLOCKS
        part = _shape()[turns, start : start + rows.shape[1]]
        part *= np.asarray(levels, np.float32)[:, None]
        rows += part

    def _next_level(self, heard: float, num_samples: int) -> float:
        """Of so many samples, the loudest of which is `heard`."""
        level = min(LEVEL, _SHARE * self._loudest)
        self._heard = max(self._heard, heard)
        self._position += num_samples
        if self._position % BLOCK == 0:
            self._loudest = max(self._heard, _FADED * self._loudest)
            self._heard = 0.0
        return level


@functools.cache
def _shape() -> np.ndarray:
    """Of variance 1. Shape: -> [_BLOCKS, BLOCK] float32."""
    white = noise(0, _BLOCKS * BLOCK).astype(np.float64)
    shares = _SLOPE ** np.arange(_TAPS)
    total = sum(share * np.roll(white, tap) for tap, share in enumerate(shares))
    total /= np.sqrt(np.square(shares).sum())
    return np.asarray(total, np.float32).reshape(_BLOCKS, BLOCK)
