"""Whole numbers as bits, most significant first."""

import numpy as np


def to_bits(numbers: np.ndarray, width: int) -> np.ndarray:
    """Shape: numbers [N] in [0, 2^width), width up to 16 -> bits [N · width] uint8.

    >>> to_bits(np.array([1, 6]), 3)
    array([0, 0, 1, 1, 1, 0], dtype=uint8)
    """
    shifts = np.arange(width - 1, -1, -1, dtype=np.uint16)
    bits = (numbers.astype(np.uint16)[:, None] >> shifts) & 1
    return bits.astype(np.uint8).ravel()


def from_bits(bits: np.ndarray, width: int) -> np.ndarray:
    """The opposite of `to_bits`. Shape: bits [N · width] -> [N] int64."""
    return bits.reshape(-1, width) @ (1 << np.arange(width - 1, -1, -1, dtype=np.int64))
