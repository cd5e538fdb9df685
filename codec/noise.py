"""The noise a decoder mixes into breath and hiss: a fixed sequence, the same on every machine.

Sample n is a hash of n and nothing else, so any stretch can be drawn by itself and a file decodes
to the same samples however it is cut up. The hash is the finaliser of SplitMix64 (Steele, Lea,
Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014); the sum of its four 16-bit
fields is nearly Gaussian (Irwin-Hall) and needs integers only.
"""

import numpy as np

_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_SHIFTS = (np.uint64(30), np.uint64(27))
_EVEN_FIELDS = np.uint64(0x0000FFFF0000FFFF)
_MEAN = 2.0 * 65_535.0
_DEVIATION = float(np.sqrt(4.0 * (65_536.0**2 - 1.0) / 12.0))


def noise(start: int, num_samples: int) -> np.ndarray:
    """White noise of variance 1, within ±3.5.

    Args:
        start: number of the first sample; the recording's first is 0.

    Shape: -> [num_samples] float32.

    >>> bool((noise(0, 100)[40:] == noise(40, 60)).all())
    True
    """
    z = np.arange(start + 1, start + 1 + num_samples, dtype=np.uint64)
    z *= _STEP
    for shift, factor in zip(_SHIFTS, _MIX, strict=True):
        z ^= z >> shift
        z *= factor
    z ^= z >> np.uint64(31)
    pairs = (z & _EVEN_FIELDS) + (z >> np.uint64(16) & _EVEN_FIELDS)
    total = (pairs + (pairs >> np.uint64(32)) & np.uint64(0xFFFFFFFF)).astype(np.float64)
    total -= _MEAN
    total /= _DEVIATION
    return total.astype(np.float32)
