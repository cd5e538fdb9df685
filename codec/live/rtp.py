"""The header that a packet wears on a network: RTP (RFC 3550), twelve bytes.

0   1   2        4             8             12
+---+---+--------+-------------+-------------+-----------
|80 |m+t| number |  timestamp  |   source    | payload …     m: marker, t: payload type
+---+---+--------+-------------+-------------+-----------
"""

import struct
from dataclasses import dataclass

from codec.errors import CorruptError

PAYLOAD_TYPE = 96
"""The first of those that a session may choose."""
_HEADER = struct.Struct(">BBHII")
HEADER_BYTES = _HEADER.size


@dataclass(frozen=True)
class RtpPacket:
    """A payload and where in its stream it belongs.

    >>> unpack_rtp(RtpPacket(7, 320, 1, b"codes").pack()).payload
    b'codes'
    """

    sequence: int
    """Number of the packet, modulo 2^16."""
    timestamp: int
    """Number of its frame's first new sample at the model's rate, modulo 2^32."""
    source: int
    """Drawn at random by the sender for each stream."""
    payload: bytes
    marker: bool = False
    """The first packet after a pause."""

    def pack(self) -> bytes:
        """The bytes to send."""
        kind = PAYLOAD_TYPE | 0x80 * self.marker
        numbers = (self.sequence % 2**16, self.timestamp % 2**32, self.source % 2**32)
        return _HEADER.pack(0x80, kind, *numbers) + self.payload


def unpack_rtp(data: bytes) -> RtpPacket:
    """The packet in a datagram; header extensions and padding are left out.

    Raises:
        CorruptError: not RTP, or of another payload type.
    """
    if len(data) < HEADER_BYTES or data[0] >> 6 != 2:
        raise CorruptError("a datagram that is no RTP packet")
    first, kind, sequence, timestamp, source = _HEADER.unpack_from(data)
    if kind & 0x7F != PAYLOAD_TYPE:
        raise CorruptError(f"an RTP packet of payload type {kind & 0x7F}; expected {PAYLOAD_TYPE}")
    start = HEADER_BYTES + 4 * (first & 0x0F)
    if first & 0x10:
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    stop = len(data) - (data[-1] if first & 0x20 else 0)
    if not start <= stop <= len(data):
        raise CorruptError("an RTP packet whose header is longer than itself")
    return RtpPacket(sequence, timestamp, source, bytes(data[start:stop]), bool(kind & 0x80))
