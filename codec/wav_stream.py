"""A wav that comes through a pipe, decoded while it comes: what a recorder writes.

libsndfile wants to seek in a wav, so a pipe is otherwise copied to a temporary file first, and
nothing is coded before it ends. Only plain samples are read here; the rest goes that way.
"""

import io
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, cast

import numpy as np

from codec.bitstream import Tags, kept_tags
from codec.cut_short import UNKNOWN_BYTES, UNKNOWN_WIDE_BYTES
from codec.errors import AudioError
from codec.pcm import check_wave

_MOST_HEADER = 1 << 16
_READ = 1 << 16
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_TYPES = {(_PCM, 8): "u1", (_PCM, 16): "<i2", (_PCM, 32): "<i4", (_FLOAT, 32): "<f4",
          (_FLOAT, 64): "<f8"}  # fmt: skip
_SUBTYPES = {(_PCM, 8): "PCM_U8", (_PCM, 16): "PCM_16", (_PCM, 24): "PCM_24", (_PCM, 32): "PCM_32",
             (_FLOAT, 32): "FLOAT", (_FLOAT, 64): "DOUBLE"}  # fmt: skip
_NAMES = {b"INAM": "title", b"IART": "artist", b"IPRD": "album", b"ICRD": "date",
          b"ICMT": "comment", b"ICOP": "copyright", b"IGNR": "genre", b"ISFT": "software",
          b"ITRK": "tracknumber"}  # fmt: skip


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
    tags: Tags = ()
    """Those that stand before the samples, and the source's format."""
    warnings: list[str] = field(default_factory=list)
    """What looks wrong but does not stop the reading; complete after `blocks`."""

    def blocks(self) -> Iterator[np.ndarray]:
        """The samples as they come, scaled to [-1, 1]. Shape: -> wave [C, T] float32.

        Raises:
            AudioError: none at all, or samples that can't be coded.
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
        if count < size:
            raise AudioError(f"{self.name}: empty recording (0 samples)")
        if self.num_bytes is not None and count < self.num_bytes:
            what = f"its header promises {self.num_bytes} bytes of samples and it ends after"
            self.warnings.append(f"{self.name}: cut short? {what} {count}")


def open_wav_stream(file: BinaryIO) -> "WavStream | BinaryIO":
    """A wav of plain samples at the start of a pipe; anything else is given back as it came."""
    head = b""

    def more(count: int) -> bytes:
        nonlocal head
        data = _exactly(file, count)
        head += data
        return data

    start = more(12)
    if start[:4] not in (b"RIFF", b"RF64") or start[8:] != b"WAVE":
        return cast(BinaryIO, _Rejoined(head, file))
    chunks = {b"RIFF": start[:4]}
    while len(chunk := more(8)) == 8 and len(head) < _MOST_HEADER:
        kind, length = chunk[:4], struct.unpack("<I", chunk[4:])[0]
        if kind == b"data":
            return _stream(file, chunks, length) or cast(BinaryIO, _Rejoined(head, file))
        body = more(min(length + length % 2, _MOST_HEADER))
        chunks[body[:4] if kind == b"LIST" else kind] = body
    return cast(BinaryIO, _Rejoined(head, file))


def _stream(file: BinaryIO, chunks: Mapping[bytes, bytes], num_bytes: int) -> WavStream | None:
    """A wav by the chunks before its samples; None for what only libsndfile reads."""
    body = chunks.get(b"fmt ", b"")
    form = _format(body)
    if form is None:
        return None
    tag, channels, rate, bits = form
    wide = chunks.get(b"ds64", b"")
    if num_bytes == 0xFFFF_FFFF and len(wide) >= 16:
        known, most = struct.unpack("<Q", wide[8:16])[0], UNKNOWN_WIDE_BYTES
    else:
        known, most = num_bytes, UNKNOWN_BYTES
    extensible = body[:2] == struct.pack("<H", _EXTENSIBLE)
    container = "RF64" if chunks[b"RIFF"] == b"RF64" else "WAVEX" if extensible else "WAV"
    source_format = {"source_format": f"{container} {_SUBTYPES[tag, bits]}"}
    return WavStream(
        file, rate, channels, (tag, bits), known if 0 < known < most else None,
        name=str(getattr(file, "name", "audio data")),
        tags=kept_tags(_info(chunks.get(b"INFO", b"")) | source_format),
    )  # fmt: skip


def _format(body: bytes) -> tuple[int, int, int, int] | None:
    """Tag, channels, rate and bits; None for what only libsndfile reads."""
    if len(body) < 16:
        return None
    tag, channels, rate, _, align, bits = struct.unpack("<HHIIHH", body[:16])
    if tag == _EXTENSIBLE and len(body) >= 26:
        tag = struct.unpack("<H", body[24:26])[0]
    plain = (tag, bits) in _SUBTYPES
    sound = 1 <= channels <= 255 and align == channels * bits // 8
    return (tag, channels, rate, bits) if plain and sound else None


def _info(body: bytes) -> dict[str, str]:
    """Title, artist and the like in a chunk of type INFO, by the names that soundfile gives."""
    found: dict[str, str] = {}
    place = 4
    while place + 8 <= len(body):
        kind, length = body[place : place + 4], struct.unpack_from("<I", body, place + 4)[0]
        text = body[place + 8 : place + 8 + length].partition(b"\0")[0]
        if kind in _NAMES:
            found[_NAMES[kind]] = text.decode(errors="replace")
        place += 8 + length + length % 2
    return found


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
