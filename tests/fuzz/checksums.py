"""Checksums mended, so that mutated bytes reach what lies behind them."""

import struct
import zlib

from codec.bitstream import VARIABLE
from codec.bitstream.header import HEADER_BYTES, payload_bytes, unpack_header
from codec.errors import BitstreamError


def mend(data: bytes) -> bytes:
    """The same bytes with right checksums wherever there is place for one; not of version 2."""
    if len(data) < HEADER_BYTES:
        return data
    fixed = bytearray(data)
    fixed[36:40] = struct.pack(">I", zlib.crc32(fixed[:36]))
    try:
        header = unpack_header(bytes(fixed))
    except BitstreamError:
        return bytes(fixed)
    varies = header.version == VARIABLE
    place = _mend_tags(fixed) if varies else HEADER_BYTES
    for index in range(header.num_chunks):
        length = payload_bytes(header, header.chunk_frames(index))
        if varies:
            length = int.from_bytes(fixed[place : place + 2], "big")
        payload = bytes(fixed[place + 6 : place + 6 + length])
        if len(fixed) < place + 6 or len(payload) < length:
            break
        salt = zlib.crc32(struct.pack(">IH", index, length))
        fixed[place : place + 6] = struct.pack(">HI", length, zlib.crc32(payload, salt))
        place += 6 + length
    return bytes(fixed)


def mend_growing(data: bytes) -> bytes:
    """`mend` for version 2."""
    if len(data) < HEADER_BYTES:
        return data
    fixed = bytearray(data)
    fixed[4] = 2
    fixed[28:36] = b"\xff" * 8
    fixed[36:40] = struct.pack(">I", zlib.crc32(fixed[:36]))
    try:
        header = unpack_header(bytes(fixed))
    except BitstreamError:
        return bytes(fixed)
    place, index = _mend_tags(fixed), 0
    while len(fixed) >= place + 6:
        label = int.from_bytes(fixed[place : place + 2], "big")
        stop = place + 6 + (payload_bytes(header, label) if label else 8)
        if len(fixed) < stop:
            break
        salt = zlib.crc32(struct.pack(">IH", index, label))
        fixed[place + 2 : place + 6] = struct.pack(">I", zlib.crc32(fixed[place + 6 : stop], salt))
        place, index = stop, index + 1
    return bytes(fixed)


def _mend_tags(data: bytearray) -> int:
    """Give tags, if there are any, a right checksum; where they end."""
    place = HEADER_BYTES
    if data[place : place + 2] != b"\xff\xff" or len(data) < place + 8:
        return place
    stop = place + 8 + int.from_bytes(data[place + 6 : place + 8], "big")
    salt = zlib.crc32(b"\xff" * 6)
    data[place + 2 : place + 6] = struct.pack(">I", zlib.crc32(data[place + 6 : stop], salt))
    return stop
