"""One chunk: about a second of codes behind a length and a checksum.

    0        2            6                                          6 + length
    +--------+------------+----------------------------------------------+
    | label  |   CRC-32   | stage 0: channel 0, 1, …  | stage 1: …  | 0… |
    +--------+------------+----------------------------------------------+

The label is the payload's length in version 1, the number of frames in version 2. The payload is
one run of bits, most significant first: codes of `code_bits` bits, by stage, then channel, then
frame, and zero bits up to a whole byte. Fewer stages are a shorter run. The checksum covers the
chunk's index (4 bytes), the label and the payload, so chunks can't change places.
"""

import struct
import zlib

import numpy as np

from codec.bitstream.header import GROWING, Header, payload_bytes
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
    shifts = np.arange(code_bits - 1, -1, -1, dtype=np.uint16)
    bits = (codes.astype(np.uint16)[:, None] >> shifts) & 1
    return np.packbits(bits.astype(np.uint8)).tobytes()


def unpack_codes(payload: bytes, count: int, code_bits: int) -> np.ndarray:
    """The first `count` codes in `payload`: the opposite of `pack_codes`.

    Shape: codes [count] int64.

    >>> unpack_codes(bytes.fromhex("2980"), 3, 3)
    array([1, 2, 3])
    """
    packed = np.frombuffer(payload, np.uint8)
    bits = np.unpackbits(packed, count=count * code_bits).reshape(count, code_bits)
    return bits @ (1 << np.arange(code_bits - 1, -1, -1, dtype=np.int64))


def pack_chunk(header: Header, index: int, codes: np.ndarray) -> bytes:
    """Chunk number `index`.

    Shape: codes [C, Q, F] integers, F what the header says of this chunk.

    Raises:
        BitstreamError: codes of another shape, type or range than the header promises.
    """
    expected = (header.num_channels, header.num_stages, codes.shape[-1])
    if codes.shape != expected or not np.issubdtype(codes.dtype, np.integer):
        raise BitstreamError(f"codes are {codes.dtype} {codes.shape}; expected integers {expected}")
    if codes.size and not (codes.min() >= 0 and codes.max() < 1 << header.code_bits):
        raise BitstreamError(
            f"codes reach from {codes.min()} to {codes.max()}; "
            f"expected 0 to {(1 << header.code_bits) - 1}"
        )
    payload = pack_codes(codes.transpose(1, 0, 2).reshape(-1), header.code_bits)
    return _framed(index, _label(header, codes.shape[-1], len(payload)), payload)


def unpack_payload(header: Header, payload: bytes, num_frames: int, num_stages: int) -> np.ndarray:
    """The first `num_stages` stages of a checked payload.

    Shape: -> codes [C, num_stages, F] int64.
    """
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
        CorruptError: the checksum differs, or padding bits are not zero.
    """
    label = _label(header, header.chunk_frames(index), len(payload))
    if _checksum(index, label, payload) != checksum:
        raise CorruptError(
            f"damaged: the checksum of chunk {index} of {header.num_chunks} doesn't match"
        )
    codes = header.num_stages * header.num_channels * header.chunk_frames(index)
    if payload[-1] & (1 << -codes * header.code_bits % 8) - 1:
        raise CorruptError(f"damaged: chunk {index} ends in bits that should be zero")


def trim_payload(header: Header, index: int, payload: bytes, num_stages: int) -> bytes:
    """Chunk `index` with only its first `num_stages` stages, made from a checked payload."""
    count = num_stages * header.num_channels * header.chunk_frames(index)
    kept = bytearray(payload[: -(-count * header.code_bits // 8)])
    kept[-1] &= 0xFF << (-count * header.code_bits % 8) & 0xFF
    return _framed(index, _label(header, header.chunk_frames(index), len(kept)), bytes(kept))


def _label(header: Header, num_frames: int, num_bytes: int) -> int:
    return num_frames if header.version == GROWING else num_bytes


def _framed(index: int, label: int, payload: bytes) -> bytes:
    return _PREFIX.pack(label, _checksum(index, label, payload)) + payload


def _checksum(index: int, label: int, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(_SALT.pack(index, label)))
