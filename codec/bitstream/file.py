"""Whole files, at once or chunk by chunk."""

import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from typing import BinaryIO, cast

import numpy as np

from codec.bitstream.chunks import (
    PREFIX_BYTES,
    check_payload,
    check_prefix,
    pack_chunk,
    trim_payload,
    unpack_payload,
)
from codec.bitstream.counted import counted
from codec.bitstream.growing import pack_end, scan
from codec.bitstream.header import (
    GROWING,
    HEADER_BYTES,
    VARIABLE,
    VERSION,
    Header,
    pack_header,
    unpack_header,
)
from codec.bitstream.tags import pack_tags
from codec.bitstream.variable import with_depth
from codec.errors import BitstreamError, CorruptError


class FileWriter:
    """Writes codes as they come; the number of samples may be known only at the end.

    A file of version 1 or 3 must seek, if that number is news. One of version 2 needn't, and what
    is written is flushed chunk by chunk.
    """

    def __init__(self, file: BinaryIO, header: Header) -> None:
        self._file = file
        self._header = header
        self._growing = header.version == GROWING
        self._start = 0 if self._growing else file.tell()
        self._waiting: list[np.ndarray] = []
        self._num_waiting = 0
        self._num_chunks = 0
        self._num_frames = 0
        self._num_bytes = 0
        """Of all chunks."""
        file.write(pack_header(header) + pack_tags(header.tags))

    def write(self, codes: np.ndarray) -> None:
        """Add frames. Shape: codes [C, Q, F], any F; see `pack_chunk`."""
        if not codes.shape[-1]:
            return
        self._waiting.append(codes)
        self._num_waiting += codes.shape[-1]
        self._num_frames += codes.shape[-1]
        if self._num_waiting >= self._header.frames_per_chunk:
            self._write_chunks(self._header.frames_per_chunk)

    def finish(self, num_samples: int) -> Header:
        """Write what is left, and the end marker, or the header anew if `num_samples` is news.

        Raises:
            BitstreamError: the frames written are not those of `num_samples` samples.
        """
        header = replace(self._header, num_samples=num_samples)
        if header.num_frames != self._num_frames:
            raise BitstreamError(
                f"{self._num_frames} frames written; {num_samples} samples make {header.num_frames}"
            )
        if self._num_waiting:
            self._write_chunks(1)
        if self._growing:
            self._file.write(pack_end(header.num_chunks, num_samples))
            self._file.flush()
        elif header != self._header:
            end = self._file.tell()
            self._file.seek(self._start)
            self._file.write(pack_header(header))
            self._file.seek(end)
        if header.version == VARIABLE:
            payloads = self._num_bytes - PREFIX_BYTES * self._num_chunks
            return replace(header, variable_bytes=payloads)
        return header

    def _write_chunks(self, fewest: int) -> None:
        """Write the frames that wait, in chunks, as long as `fewest` are left."""
        codes = np.concatenate(self._as_deep(self._waiting), axis=-1)
        start, step = 0, self._header.frames_per_chunk
        while codes.shape[-1] - start >= fewest:
            chunk = codes[..., start : start + step]
            packed = pack_chunk(self._header, self._num_chunks, chunk)
            self._num_bytes += len(packed)
            self._file.write(packed)
            self._num_chunks += 1
            start += chunk.shape[-1]
        self._waiting = [codes[..., start:]]
        self._num_waiting = codes.shape[-1] - start
        if self._growing:
            self._file.flush()

    def _as_deep(self, blocks: list[np.ndarray]) -> list[np.ndarray]:
        """Blocks with the same Q, of version 3. Shape: blocks of codes [C, Q, F]."""
        if self._header.version != VARIABLE or any(block.ndim != 3 for block in blocks):
            return blocks
        depths = {block.shape[1] for block in blocks}
        return [with_depth(block, max(depths)) for block in blocks] if len(depths) > 1 else blocks


class FileReader:
    """Reads a file from first byte to last, one chunk in memory at a time.

    Nothing is allocated on a header's word: a chunk has at most 64 KiB.
    """

    def __init__(
        self, file: BinaryIO, num_bytes: int | None = None, *, partial: bool = False
    ) -> None:
        """Read the header; of a file of version 2 or 3 that can't seek, all of it.

        Args:
            num_bytes: the file's length where it is known, to compare with the header's claim.
            partial: of a file of version 2 without its end, read the whole chunks.

        Raises:
            CorruptError, VersionError: see `read_header`; or a length that contradicts the header,
                or an end that is missing without `partial`.
        """
        self._file = file
        self.header = unpack_header(_read(file, HEADER_BYTES))
        self.missing = ""
        """What a file of version 2 lacks and how long the rest is; "" if nothing."""
        if self.header.version != VERSION and not file.seekable():
            self._file = _spooled(file)
            weakref.finalize(self, self._file.close)
        if self.header.version == GROWING:
            self.header, self.missing = scan(self._file, self.header)
            if self.missing and not partial:
                raise CorruptError(self.missing)
            self._file.seek(len(pack_tags(self.header.tags)), os.SEEK_CUR)
            return
        if self.header.version == VARIABLE:
            self.header = counted(self._file, self.header)
            self._file.seek(len(pack_tags(self.header.tags)), os.SEEK_CUR)
        expected = self.header.file_bytes
        if num_bytes is not None and num_bytes != expected:
            kind = "truncated" if num_bytes < expected else "damaged"
            told = f"the header says {expected}"
            if self.header.version == VARIABLE:
                told = f"the chunks take {expected} with header and tags"
            raise CorruptError(f"{kind}: {num_bytes} bytes; {told}")

    def payloads(self) -> Iterator[bytes]:
        """Each chunk's payload, checked.

        Raises:
            CorruptError: truncated, damaged, or followed by other bytes.
        """
        for index in range(self.header.num_chunks):
            length, checksum = check_prefix(self.header, index, _read(self._file, PREFIX_BYTES))
            payload = _read(self._file, length)
            if len(payload) < length:
                raise CorruptError(
                    f"truncated: chunk {index} of {self.header.num_chunks} has "
                    f"{len(payload)} of {length} bytes"
                )
            check_payload(self.header, index, payload, checksum)
            yield payload
        if self.header.version != GROWING and self._file.read(1):
            raise CorruptError("damaged: bytes follow the last chunk")

    def codes(self, num_stages: int | None = None) -> Iterator[np.ndarray]:
        """Each chunk's codes, of the first `num_stages` stages (all if None).

        Shape: -> codes [C, num_stages, F] int64. Of version 3, `num_stages` are what frames have on
        average: -> [C, Q, F] with as many stages as the frame that has most, -1 for no code.

        Raises:
            ConfigError: the file has fewer stages.
            CorruptError: see `payloads`.
        """
        stages = self.header.held_stages(num_stages=num_stages)
        for index, payload in enumerate(self.payloads()):
            yield unpack_payload(self.header, index, payload, stages)


def read_header(data: bytes) -> Header:
    """The header of a file; of version 1, its first 40 bytes are enough, else all of it is needed.

    Raises:
        CorruptError: not a .nsvq file, truncated, damaged or impossible.
        VersionError: another version of the format.
    """
    header = unpack_header(data)
    return header if header.version == VERSION else FileReader(BytesIO(data)).header


def pack_file(header: Header, codes: np.ndarray) -> bytes:
    """A whole file.

    Shape: codes [C, Q, F] integers in [0, 2^code_bits), as the header says; see `pack_chunk`.

    Raises:
        BitstreamError: header and codes contradict each other.
    """
    file = BytesIO()
    writer = FileWriter(file, header)
    writer.write(codes)
    writer.finish(header.num_samples)
    return file.getvalue()


def unpack_file(data: bytes, num_stages: int | None = None) -> tuple[Header, np.ndarray]:
    """The header and the codes of the first `num_stages` stages (all if None).

    Shape: codes [C, num_stages, F] int64; see `FileReader.codes`.

    Raises:
        ConfigError: the file has fewer stages.
        CorruptError, VersionError: see `FileReader`.
    """
    reader = FileReader(BytesIO(data), len(data))
    header = reader.header
    chunks = list(reader.codes(num_stages))
    stages = header.held_stages(num_stages=num_stages)
    if header.version == VARIABLE:
        stages = max((chunk.shape[1] for chunk in chunks), default=1)
        chunks = [with_depth(chunk, stages) for chunk in chunks]
    shape = (header.num_channels, stages, 0)
    return header, np.concatenate([np.zeros(shape, np.int64), *chunks], axis=-1)


def trim_file(data: bytes, num_stages: int) -> bytes:
    """The same file with only its first `num_stages` stages.

    Of versions 1 and 2 it is what coding with that many gives, with an effort of 1. Of version 3 it
    has that many on average, but not always those that coding would have given to each frame.

    Raises:
        ConfigError, CorruptError, VersionError: see `unpack_file`.
    """
    trimmed = BytesIO()
    trim_reader(FileReader(BytesIO(data), len(data)), trimmed, num_stages)
    return trimmed.getvalue()


def trim_reader(reader: FileReader, target: BinaryIO, num_stages: int) -> Header:
    """`trim_file` from one open file to another, in the memory of one chunk.

    Returns the header written.
    """
    header = replace(reader.header, num_stages=reader.header.held_stages(num_stages=num_stages))
    target.write(pack_header(header) + pack_tags(header.tags))
    total = 0
    for index, payload in enumerate(reader.payloads()):
        chunk = trim_payload(reader.header, index, payload, num_stages)
        target.write(chunk)
        total += len(chunk)
    if header.version == VARIABLE:
        return replace(header, variable_bytes=total - PREFIX_BYTES * header.num_chunks)
    if header.version == GROWING:
        target.write(pack_end(header.num_chunks, header.num_samples))
    return header


def _spooled(file: BinaryIO) -> BinaryIO:
    """What is left of an open file, as a temporary one."""
    spool = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115 (the reader closes it)
    shutil.copyfileobj(file, spool)
    spool.seek(0)
    return spool


def _read(file: BinaryIO, count: int) -> bytes:
    """`count` bytes, or fewer at the end of the file (pipes give them in pieces)."""
    data = file.read(count)
    while len(data) < count and (more := file.read(count - len(data))):
        data += more
    return data
