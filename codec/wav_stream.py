"""A wav that comes through a pipe, decoded while it comes: what a recorder writes.

libsndfile wants to seek in a wav, so a pipe is otherwise copied to a temporary file first, and
nothing is coded before it ends. Only plain samples are read here; the rest goes that way.
"""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, cast

import numpy as np

from codec.errors import AudioError
from codec.pcm import check_wave

_MOST_HEADER = 1 << 16
_READ = 1 << 16
_UNKNOWN_BYTES = 0x7FFF_0000
"""Programs that write to a pipe put such a number, or one above it, or 0, where a length should be.
"""
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_TYPES = {(_PCM, 8): "u1", (_PCM, 16): "<i2", (_PCM, 32): "<i4", (_FLOAT, 32): "<f4",
          (_FLOAT, 64): "<f8"}  # fmt: skip


@dataclass(frozen=True)
class WavStream:
    """A wav whose samples come next."""

    file: BinaryIO
    sample_rate: int
    """Hz."""
    num_channels: int
    kind: tuple[int, int]
    """Format tag and bits of a sample."""
    num_bytes: int | None
    """Of samples, as its header says; None if it doesn't know."""
    name: str

    def blocks(self) -> Iterator[np.ndarray]:
        """The samples as they come, scaled to [-1, 1]. Shape: -> wave [C, T] float32.

        Raises:
            AudioError: none at all, samples that can't be coded, or fewer than the header says.
        """
        size = self.num_channels * self.kind[1] // 8
        held, count = b"", 0
        while data := _some(self.file, _READ if self.num_bytes is None else self.num_bytes - count):
            count += len(data)
            held += data
            whole = len(held) // size * size
            if whole:
                wave = _samples(held[:whole], self.kind).reshape(-1, self.num_channels).T
                check_wave(wave, self.name)
                yield np.ascontiguousarray(wave)
            held = held[whole:]
        if not count:
            raise AudioError(f"{self.name}: empty recording (0 samples)")
        if self.num_bytes is not None and count < self.num_bytes:
            raise AudioError(
                f"{self.name}: damaged, it ends after {count} of {self.num_bytes} bytes of samples"
            )


def open_wav_stream(file: BinaryIO) -> "WavStream | BinaryIO":
    """A wav of plain samples at the start of a pipe; anything else is given back as it came."""
    name = str(getattr(file, "name", "audio data"))
    head = b""

    def more(count: int) -> bytes:
        nonlocal head
        data = _exactly(file, count)
        head += data
        return data

    start = more(12)
    if start[:4] not in (b"RIFF", b"RF64") or start[8:] != b"WAVE":
        return cast(BinaryIO, _Rejoined(head, file))
    form: tuple[int, int, int, int] | None = None
    while len(chunk := more(8)) == 8 and len(head) < _MOST_HEADER:
        kind, length = chunk[:4], struct.unpack("<I", chunk[4:])[0]
        if kind == b"data":
            if form is None:
                break
            tag, channels, rate, bits = form
            known = None if length == 0 or length >= _UNKNOWN_BYTES else length
            return WavStream(file, rate, channels, (tag, bits), known, name)
        body = more(min(length + length % 2, _MOST_HEADER))
        if kind == b"fmt ":
            form = _format(body)
            if form is None:
                break
    return cast(BinaryIO, _Rejoined(head, file))


def _format(body: bytes) -> tuple[int, int, int, int] | None:
    """Tag, channels, rate and bits; None for what only libsndfile reads."""
    if len(body) < 16:
        return None
    tag, channels, rate, _, align, bits = struct.unpack("<HHIIHH", body[:16])
    if tag == _EXTENSIBLE and len(body) >= 26:
        tag = struct.unpack("<H", body[24:26])[0]
    plain = (tag, bits) in _TYPES or (tag, bits) == (_PCM, 24)
    sound = 1 <= channels <= 255 and align == channels * bits // 8
    return (tag, channels, rate, bits) if plain and sound else None


def _samples(data: bytes, kind: tuple[int, int]) -> np.ndarray:
    """Shape: -> [N] float32."""
    tag, bits = kind
    if bits == 24:
        octets = np.frombuffer(data, np.uint8).reshape(-1, 3)
        wide = np.zeros((len(octets), 4), np.uint8)
        wide[:, 1:] = octets
        return (wide.view("<i4")[:, 0] / np.float64(2**31)).astype(np.float32)
    values = np.frombuffer(data, _TYPES[kind])
    if tag == _FLOAT:
        with np.errstate(over="ignore", invalid="ignore"):  # what isn't finite is refused later
            return values.astype(np.float32)
    if bits == 8:
        return (values.astype(np.float32) - np.float32(128.0)) / np.float32(128.0)
    return (values / np.float64(2 ** (bits - 1))).astype(np.float32)


def _some(file: BinaryIO, most: int) -> bytes:
    """What is there, at least one byte unless the pipe has ended."""
    if most <= 0:
        return b""
    read1 = getattr(file, "read1", None)
    return bytes(read1(min(most, _READ)) if read1 else file.read(min(most, _READ)))


def _exactly(file: BinaryIO, count: int) -> bytes:
    """`count` bytes, or fewer at the end."""
    data = b""
    while len(data) < count and (more := file.read(count - len(data))):
        data += more
    return data


class _Rejoined(io.RawIOBase):
    """A pipe with the bytes before it that were read already."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head, self._rest = head, rest
        self.name = getattr(rest, "name", "audio data")

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes."""
        if not self._head:
            return self._rest.read(size)
        cut = len(self._head) if size < 0 else size
        data, self._head = self._head[:cut], self._head[cut:]
        return data + self._rest.read() if size < 0 else data
