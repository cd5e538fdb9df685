"""One chunk: a few seconds of codes behind a length and a checksum.

    0        2            6                                          6 + length
    +--------+------------+----------------------------------------------+
    | label  |   CRC-32   | stage 0: channel 0, 1, …  | stage 1: …  | 0… |
    +--------+------------+----------------------------------------------+

The label is the payload's length in versions 1 and 3, the number of frames in version 2. The
payload of version 3 is described in `variable`, that of the others is one run of bits, most
significant first: codes of `code_bits` bits, by stage, then channel, then frame, and zero bits up
to a whole byte. Fewer stages are a shorter run. The checksum covers the chunk's index (4 bytes),
the label and the payload, so chunks can't change places.
"""

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from codec.bitstream.bits import from_bits, to_bits
from codec.bitstream.header import (
    GROWING,
    MAX_VARIABLE_BYTES,
    VARIABLE,
    Header,
    payload_bytes,
)
from codec.bitstream.variable import (
    pack_variable,
    split_variable,
    unpack_variable,
    with_fewer,
)
from codec.errors import BitstreamError, CorruptError

_PREFIX = struct.Struct(">HI")
_SALT = struct.Struct(">IH")
PREFIX_BYTES = _PREFIX.size


def pack_codes(codes: np.ndarray, code_bits: int) -> bytes:
    """Codes as bits, most significant first, padded with zeros to a whole byte.

    Shape: codes [N] integers in [0, 2^code_bits).

    >>> pack_codes(np.array([1, 2, 3]), 3).hex()
    '2980'
    """
    return np.packbits(to_bits(codes, code_bits)).tobytes()


def unpack_codes(payload: bytes, count: int, code_bits: int) -> np.ndarray:
    """The first `count` codes in `payload`: the opposite of `pack_codes`.

    Shape: codes [count] int64.

    >>> unpack_codes(bytes.fromhex("2980"), 3, 3)
    array([1, 2, 3])
    """
    packed = np.frombuffer(payload, np.uint8)
    return from_bits(np.unpackbits(packed, count=count * code_bits), code_bits)


def pack_chunk(header: Header, index: int, codes: np.ndarray) -> bytes:
    """Chunk number `index`.

    Shape: codes [C, Q, F] integers, F what the header says of this chunk; of version 3 any Q, and
    -1 where there is no code.

    Raises:
        BitstreamError: codes of another shape, type or range than the header promises.
    """
    variable = header.version == VARIABLE
    stages = codes.shape[1] if variable and codes.ndim == 3 else header.num_stages
    expected = (header.num_channels, stages, codes.shape[-1])
    if codes.shape != expected or not np.issubdtype(codes.dtype, np.integer):
        raise BitstreamError(f"codes are {codes.dtype} {codes.shape}; expected integers {expected}")
    lowest = -1 if variable else 0
    if codes.size and not (codes.min() >= lowest and codes.max() < 1 << header.code_bits):
        raise BitstreamError(
            f"codes reach from {codes.min()} to {codes.max()}; "
            f"expected {lowest} to {(1 << header.code_bits) - 1}"
        )
    if variable:
        payload = pack_variable(codes, header.code_bits)
    else:
        payload = pack_codes(codes.transpose(1, 0, 2).reshape(-1), header.code_bits)
    return _framed(index, _label(header, codes.shape[-1], len(payload)), payload)


def unpack_payload(header: Header, index: int, payload: bytes, num_stages: int) -> np.ndarray:
    """The first `num_stages` stages of chunk `index`, of its checked payload.

    Shape: -> codes [C, num_stages, F] int64; of version 3 see `unpack_variable` and `with_fewer`.

    Raises:
        CorruptError: of version 3, not what a payload can be.
    """
    num_frames = header.chunk_frames(index)
    if header.version == VARIABLE:
        with _named(header, index):
            codes = unpack_variable(payload, *_variable_shape(header, index))
        return with_fewer(codes, num_stages, header.num_stages)
    shape = (num_stages, header.num_channels, num_frames)
    codes = unpack_codes(payload, num_stages * header.num_channels * num_frames, header.code_bits)
    return codes.reshape(shape).transpose(1, 0, 2)


def check_prefix(header: Header, index: int, prefix: bytes) -> tuple[int, int]:
    """Length and checksum of chunk `index`, from its first bytes.

    Raises:
        CorruptError: truncated, or a length that contradicts the header.
    """
    if len(prefix) < PREFIX_BYTES:
        raise CorruptError(f"truncated: chunk {index} of {header.num_chunks} is missing")
    label, checksum = _PREFIX.unpack(prefix)
    if header.version == VARIABLE:
        if not 0 < label <= MAX_VARIABLE_BYTES:
            raise CorruptError(f"damaged: chunk {index} of {header.num_chunks} has {label} bytes")
        return label, checksum
    length = payload_bytes(header, header.chunk_frames(index))
    expected = _label(header, header.chunk_frames(index), length)
    if label != expected:
        what = "frames" if header.version == GROWING else "bytes"
        raise CorruptError(
            f"damaged: chunk {index} of {header.num_chunks} says it has {label} "
            f"{what}; expected {expected}"
        )
    return length, checksum


def check_payload(header: Header, index: int, payload: bytes, checksum: int) -> None:
    """Compare a payload that is as long as it should be with its checksum.

    Raises:
        CorruptError: the checksum differs, or it is not what a payload can be.
    """
    label = _label(header, header.chunk_frames(index), len(payload))
    if _checksum(index, label, payload) != checksum:
        raise CorruptError(
            f"damaged: the checksum of chunk {index} of {header.num_chunks} doesn't match"
        )
    if header.version == VARIABLE:
        with _named(header, index):
            split_variable(payload, *_variable_shape(header, index))
        return
    codes = header.num_stages * header.num_channels * header.chunk_frames(index)
    if payload[-1] & (1 << -codes * header.code_bits % 8) - 1:
        raise CorruptError(f"damaged: chunk {index} ends in bits that should be zero")


def trim_payload(header: Header, index: int, payload: bytes, num_stages: int) -> bytes:
    """Chunk `index` with only its first `num_stages` stages, made from a checked payload."""
    if header.version == VARIABLE:
        kept_codes = unpack_payload(header, index, payload, num_stages)
        return pack_chunk(header, index, kept_codes)
    count = num_stages * header.num_channels * header.chunk_frames(index)
    kept = bytearray(payload[: -(-count * header.code_bits // 8)])
    kept[-1] &= 0xFF << (-count * header.code_bits % 8) & 0xFF
    return _framed(index, _label(header, header.chunk_frames(index), len(kept)), bytes(kept))


def _variable_shape(header: Header, index: int) -> tuple[int, int, int]:
    """Channels, frames and bits of a code of chunk `index`."""
    return header.num_channels, header.chunk_frames(index), header.code_bits


@contextmanager
def _named(header: Header, index: int) -> Iterator[None]:
    """Errors name the chunk."""
    try:
        yield
    except CorruptError as error:
        raise CorruptError(f"damaged: chunk {index} of {header.num_chunks}: {error}") from error


def _label(header: Header, num_frames: int, num_bytes: int) -> int:
    return num_frames if header.version == GROWING else num_bytes


def _framed(index: int, label: int, payload: bytes) -> bytes:
    return _PREFIX.pack(label, _checksum(index, label, payload)) + payload


def _checksum(index: int, label: int, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(_SALT.pack(index, label)))
