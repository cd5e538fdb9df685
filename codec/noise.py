"""The noise a decoder mixes into breath and hiss: a fixed sequence, the same on every machine.

Sample n is a hash of n and nothing else, so any stretch can be drawn by itself and a file decodes
to the same samples however it is cut up. The hash is the finaliser of SplitMix64 (Steele, Lea,
Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014); the sum of its four 16-bit
fields is nearly Gaussian (Irwin-Hall) and needs integers only.
"""

import numpy as np

_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
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
    z = np.arange(start + 1, start + 1 + num_samples, dtype=np.uint64) * _STEP
    z = (z ^ (z >> np.uint64(30))) * _MIX[0]
    z = (z ^ (z >> np.uint64(27))) * _MIX[1]
    z ^= z >> np.uint64(31)
    fields = z.view(np.uint16).reshape(-1, 4).astype(np.int32)
    total = fields[:, 0] + fields[:, 1] + fields[:, 2] + fields[:, 3]
    return ((total - _MEAN) / _DEVIATION).astype(np.float32)
