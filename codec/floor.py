"""A floor of noise under all that is decoded, four steps of 16 bits high.

A pause that is coded with few bits decodes to next to nothing where the recording had the hiss of
its room, and such holes are heard (docs/research.md). The floor fills them: noise that is louder at
low frequencies, as in rooms, at -78 dB of full scale. It is the same for every channel and repeats
every 65,536 samples.
"""

import functools

import numpy as np

from codec.noise import noise

LEVEL = 4.0 / 32_768.0
"""Standard deviation of the noise."""
PERIOD = 65_536
_SLOPE = 0.7
"""Each sample is white noise plus this share of what was before it, and so on, so often:"""
_TAPS = 16


class Floor:
    """The floor of one recording, at the network's rate.

    >>> wave = np.zeros((1, PERIOD), np.float32)
    >>> Floor().add(wave)
    >>> round(float(wave.std() / LEVEL), 2)
    1.0
    """

    def __init__(self) -> None:
        self._position = 0

    def add(self, wave: np.ndarray) -> None:
        """To the samples that come next, in place. Shape: wave [C, T] float32."""
        period = _period()
        done = 0
        while done < wave.shape[1]:
            piece = wave[:, done : done + PERIOD - self._position]
            piece += period[self._position : self._position + piece.shape[1]]
            self._position = (self._position + piece.shape[1]) % PERIOD
            done += piece.shape[1]


@functools.cache
def _period() -> np.ndarray:
    """Shape: -> [PERIOD] float32."""
    white = noise(0, PERIOD).astype(np.float64)
    shares = _SLOPE ** np.arange(_TAPS)
    total = sum(share * np.roll(white, tap) for tap, share in enumerate(shares))
    return np.asarray(total * (LEVEL / np.sqrt(np.square(shares).sum())), np.float32)
