"""Payloads of version 3: stages vary from frame to frame.

    | numbers of stages | stage 0: channel 0, 1, …  | stage 1: … those frames that have one | 0… |

In memory a code that isn't there is -1. Fewer stages are taken from all frames alike, but each
keeps its first, as a higher threshold in coding would have done.
"""

import numpy as np

from codec.bitstream.bits import from_bits, to_bits
from codec.bitstream.stage_counts import (
    GROUP,
    counts_bits,
    counts_of,
    frames_of,
    num_groups,
    pack_counts,
    unpack_counts,
)
from codec.errors import CorruptError


def variable_bits(counts: np.ndarray, num_frames: int, code_bits: int) -> int:
    """Bits of a payload, without what pads it. Shape: counts [C, groups]."""
    return counts_bits(counts) + int(frames_of(counts, num_frames).sum()) * code_bits


def pack_variable(codes: np.ndarray, code_bits: int) -> bytes:
    """The payload of a chunk.

    Shape: codes [C, Q, F], -1 where there is none.

    Raises:
        BitstreamError: see `counts_of`.
    """
    counts = counts_of(codes)
    by_stage = codes.transpose(1, 0, 2).ravel()
    sent = to_bits(by_stage[by_stage >= 0], code_bits)
    return np.packbits(np.concatenate([pack_counts(counts), sent])).tobytes()


def unpack_variable(
    payload: bytes, num_channels: int, num_frames: int, code_bits: int
) -> np.ndarray:
    """The codes in a payload.

    Shape: -> [C, Q, F] int64 with as many stages as the frame that has most, -1 for no code.

    Raises:
        CorruptError: another length than its numbers of stages make, or padding that is not zero.
    """
    sent, frames = split_variable(payload, num_channels, num_frames, code_bits)
    there = np.arange(frames.max())[:, None, None] < frames
    codes = np.full(there.shape, -1, np.int64)
    codes[there] = from_bits(sent, code_bits)
    return codes.transpose(1, 0, 2)


def split_variable(
    payload: bytes, num_channels: int, num_frames: int, code_bits: int
) -> tuple[np.ndarray, np.ndarray]:
    """The bits of a payload's codes, and how many stages each frame has.

    Shape: -> bits [N] uint8, stages [C, F] int64.

    Raises:
        CorruptError: see `unpack_variable`.
    """
    bits = np.unpackbits(np.frombuffer(payload, np.uint8))
    counts, start = unpack_counts(bits, num_channels, num_groups(num_frames))
    frames = frames_of(counts, num_frames)
    end = start + int(frames.sum()) * code_bits
    if not end <= len(bits) < end + 8 or bits[end:].any():
        raise CorruptError("its length doesn't fit its numbers of stages")
    return bits[start:end], frames


def with_fewer(codes: np.ndarray, num_stages: int, of: int) -> np.ndarray:
    """The codes without the last ones of each frame: `num_stages` in `of` of all, or fewer.

    Shape: codes [C, Q, F], -1 where there is none -> [C, Q', F].
    """
    counts = (codes >= 0).sum(1)
    most = counts.sum() * num_stages // of
    before = kept = counts
    while kept.sum() > most and kept.max() > 1:
        before, kept = kept, np.maximum(1, kept - 1)
    kept = _given_back(counts, before, kept, most - kept.sum())
    deepest = int(kept.max())
    return np.where(np.arange(deepest)[:, None] < kept[:, None], codes[:, :deepest], -1)


def _given_back(counts: np.ndarray, before: np.ndarray, kept: np.ndarray, room: int) -> np.ndarray:
    """The last round undone for some groups, those with most stages first, as far as there is room.

    Shape: counts at first, before the last round and after it [C, F] -> [C, F].
    """
    first = counts[:, ::GROUP].ravel()
    order = np.argsort(-first, kind="stable")
    order = order[(before - kept)[:, ::GROUP].ravel()[order] > 0]
    sizes = np.add.reduceat(
        np.ones(counts.shape, np.int64), np.arange(0, counts.shape[1], GROUP), 1
    )
    fitting = np.cumsum(sizes.ravel()[order]) <= room
    more = np.zeros(first.shape, np.int64)
    more[order[fitting]] = 1
    return kept + more.reshape(len(counts), -1).repeat(GROUP, 1)[:, : counts.shape[1]]


def with_depth(codes: np.ndarray, num_stages: int) -> np.ndarray:
    """Codes with stages added that no frame has. Shape: [C, Q, F] -> [C, num_stages, F]."""
    return np.pad(codes, ((0, 0), (0, num_stages - codes.shape[1]), (0, 0)), constant_values=-1)
