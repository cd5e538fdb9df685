"""The payload of one packet: the codes of one frame, and nothing else.

    bit 0        b        2b                  Q·b         8 · bytes
    +------------+---------+-- … --+-----------+----------------+
    |  stage 0   | stage 1 |       | stage Q-1 | 0…, below b    |
    +------------+---------+-- … --+-----------+----------------+

Codes of b bits, most significant bit first. The number of stages is not stored: it is the most that
fit into the payload's bytes. So a payload is always filled up: where codes are shorter than a byte,
a rate that would leave room for one more stage takes it.
"""

from dataclasses import dataclass

import numpy as np

from codec.bitstream.chunks import pack_codes, unpack_codes
from codec.config import ModelConfig
from codec.errors import CorruptError


@dataclass(frozen=True)
class PacketFormat:
    """The payloads of a model.

    >>> form = PacketFormat(code_bits=10, num_stages=16, frame_rate=50.0)
    >>> form.num_bytes(12), form.num_stages_in(15), form.bitrate_kbps(12)
    (15, 12, 6.0)
    >>> form.unpack(form.pack(np.array([1, 2, 1023])))
    array([   1,    2, 1023])
    """

    code_bits: int
    """Bits of one code."""
    num_stages: int
    """Q, the most that a packet can hold."""
    frame_rate: float
    """Packets per second."""

    @classmethod
    def of(cls, config: ModelConfig) -> "PacketFormat":
        """That of the model with this config."""
        return cls(config.code_bits, config.num_stages, config.frame_rate)

    def num_bytes(self, num_stages: int) -> int:
        """Bytes of a payload with that many stages."""
        return -(-num_stages * self.code_bits // 8)

    def filled(self, num_stages: int) -> int:
        """Stages that the bytes of `num_stages` stages have room for."""
        return min(self.num_stages, 8 * self.num_bytes(num_stages) // self.code_bits)

    def fits(self, num_stages: int) -> bool:
        """Whether a payload of so many stages is filled, so that its length tells them."""
        return self.filled(num_stages) == num_stages

    def bitrate_kbps(self, num_stages: int) -> float:
        """What the payloads take, without the transport's headers."""
        return 8.0 * self.num_bytes(num_stages) * self.frame_rate / 1000.0

    def num_stages_in(self, num_bytes: int) -> int:
        """Stages in a payload of that length.

        Raises:
            CorruptError: no payload is that long.
        """
        stages = min(self.num_stages, 8 * num_bytes // self.code_bits)
        if stages < 1 or self.num_bytes(stages) != num_bytes:
            most = self.num_bytes(self.num_stages)
            raise CorruptError(
                f"a packet of {num_bytes} bytes; expected a length that stages of "
                f"{self.code_bits} bits fill, {most} bytes at most"
            )
        return stages

    def pack(self, codes: np.ndarray) -> bytes:
        """A payload. Shape: codes [Q] integers in [0, 2^code_bits), Q such that it is filled."""
        return pack_codes(codes, self.code_bits)

    def unpack(self, payload: bytes) -> np.ndarray:
        """The codes in a payload.

        Shape: -> codes [Q] int64.

        Raises:
            CorruptError: of no such length, or ending in bits that are not zero.
        """
        stages = self.num_stages_in(len(payload))
        if payload[-1] & (1 << -stages * self.code_bits % 8) - 1:
            raise CorruptError("a packet ends in bits that should be zero")
        return unpack_codes(payload, stages, self.code_bits)
