"""Numbers of stages of a chunk of version 3, as bits.

    2 bits    k
    6 bits    a channel's first number, less one               then, for each of its later groups,
    1 … 1 0   the change from the number before it, shifted    k bits: its lowest bits
              right by k, in unary

A change d stands as 2d - 1 if it is a rise and as -2d if not (Golomb-Rice codes: Rice, 1979). The
frames of a group (`GROUP`) have as many stages each.
"""

import numpy as np

from codec.errors import BitstreamError, CorruptError

GROUP = 2
"""Frames in a row that share one number of stages, since telling it costs half then.

A constant of the file format: with another value no file of version 3 could be read.
"""

_FIRST = 6
_LARGEST_K = 3


def num_groups(num_frames: int) -> int:
    """Groups that so many frames make."""
    return -(-num_frames // GROUP)


def counts_of(codes: np.ndarray) -> np.ndarray:
    """How many stages each group has, told by the codes that are there.

    Shape: codes [C, Q, F], -1 where there is none -> [C, groups].

    Raises:
        BitstreamError: a code after one that isn't there, or frames of a group that differ.
    """
    there = codes >= 0
    counts = there.sum(1)
    first = counts[:, ::GROUP]
    if (there != (np.arange(codes.shape[1])[:, None] < counts[:, None])).any():
        raise BitstreamError("a frame has a code after a stage that isn't there")
    if counts.max() > 1 << _FIRST:
        raise BitstreamError(f"a frame has {counts.max()} stages; at most {1 << _FIRST} fit")
    if (counts != first.repeat(GROUP, 1)[:, : counts.shape[1]]).any() or (counts < 1).any():
        raise BitstreamError(
            f"the {GROUP} frames of a group must have as many stages, one at least"
        )
    return first


def frames_of(counts: np.ndarray, num_frames: int) -> np.ndarray:
    """Stages of each frame. Shape: counts [C, groups] -> [C, F]."""
    return counts.repeat(GROUP, 1)[:, :num_frames]


def counts_bits(counts: np.ndarray) -> int:
    """Bits that `pack_counts` gives. Shape: counts [C, groups]."""
    return 2 + _FIRST * len(counts) + int(_rice_bits(_changes(counts)).min())


def pack_counts(counts: np.ndarray) -> np.ndarray:
    """Shape: counts [C, groups], each 1 to 64 -> bits [N] uint8.

    >>> "".join(map(str, pack_counts(np.array([[5, 5, 7]]))))
    '0000010001110'
    """
    changes = _changes(counts)
    k = _best_k(changes)
    text = [f"{k:02b}"]
    for first, row in zip(counts[:, 0].tolist(), changes.tolist(), strict=True):
        text.append(f"{first - 1:06b}")
        text += [
            "1" * (change >> k) + "0" + (f"{change & (1 << k) - 1:0{k}b}" if k else "")
            for change in row
        ]
    return np.frombuffer("".join(text).encode(), np.uint8) - ord("0")


def unpack_counts(bits: np.ndarray, num_channels: int, groups: int) -> tuple[np.ndarray, int]:
    """The numbers at the start of `bits`, and how many bits they take.

    Shape: bits [N] uint8 -> counts [C, groups] int64.

    Raises:
        CorruptError: they end too early, are out of range, or take more bits than they need.
    """
    text = (bits + ord("0")).tobytes().decode()
    counts = np.empty((num_channels, groups), np.int64)
    try:
        k, place = int(text[:2], 2), 2
        for row in counts:
            count = int(text[place : place + _FIRST], 2) + 1
            place += _FIRST
            row[0] = count
            for group in range(1, groups):
                end = text.index("0", place)
                change = end - place << k
                place = end + 1 + k
                if k:
                    change |= int(text[end + 1 : place], 2)
                count += change + 1 >> 1 if change & 1 else -(change >> 1)
                row[group] = count
    except ValueError as error:
        raise CorruptError("its numbers of stages are cut off") from error
    if place > len(text) or not 1 <= counts.min() <= counts.max() <= 1 << _FIRST:
        raise CorruptError("its numbers of stages are out of range")
    if k != _best_k(_changes(counts)):
        raise CorruptError("its numbers of stages are written with the wrong k")
    return counts, place


def _changes(counts: np.ndarray) -> np.ndarray:
    """Changes from group to group as numbers from 0 up. Shape: [C, G] -> [C, G - 1]."""
    change = np.diff(counts, axis=1)
    return np.where(change > 0, 2 * change - 1, -2 * change)


def _best_k(changes: np.ndarray) -> int:
    """With which they take fewest bits; of several the lowest."""
    return int(_rice_bits(changes).argmin())


def _rice_bits(changes: np.ndarray) -> np.ndarray:
    """Bits that they take with each k. Shape: [C, G - 1] -> [4]."""
    k = np.arange(_LARGEST_K + 1)
    return (changes.ravel() >> k[:, None]).sum(1) + (1 + k) * changes.size
