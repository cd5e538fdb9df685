"""Version 2: files whose length is known only at their end.

    +--------+------+---------+---------+-- … --+------------+-----+
    | header | tags | chunk 0 | chunk 1 |       | last chunk | end |
    +--------+------+---------+---------+-- … --+------------+-----+
      40      if any  6 + n     6 + n             6 + n'       14

A chunk says how many frames it has instead of how many bytes; the end says 0 frames, and how many
samples the recording has. Where the end is missing, the writer was killed: the whole chunks are
still sound.
"""

import os
import struct
import zlib
from dataclasses import replace
from typing import BinaryIO

from codec.bitstream.header import END_BYTES, Header, payload_bytes
from codec.bitstream.tags import read_tags
from codec.errors import BitstreamError, CorruptError

_CHUNK = struct.Struct(">HI")
_END = struct.Struct(">HIQ")
_SALT = struct.Struct(">IHQ")


def pack_end(num_chunks: int, num_samples: int) -> bytes:
    """The end of a file."""
    checksum = zlib.crc32(_SALT.pack(num_chunks, 0, num_samples))
    return _END.pack(0, checksum, num_samples)


def scan(file: BinaryIO, header: Header) -> tuple[Header, str]:
    """The complete header, and what is missing of the file: "" if nothing is.

    Payloads are passed over, not read; the file is left where it was, behind its header.

    Raises:
        CorruptError: anything but a sound file or the beginning of one.
    """
    start = file.tell()
    size = file.seek(0, os.SEEK_END)
    file.seek(start)
    header = replace(header, tags=read_tags(file))
    frames = chunks = 0
    cut = "its end marker is missing"
    while len(prefix := file.read(_CHUNK.size)) == _CHUNK.size:
        count = _CHUNK.unpack(prefix)[0]
        if count == 0:
            if len(rest := file.read(END_BYTES - _CHUNK.size)) == END_BYTES - _CHUNK.size:
                complete = _ended(header, prefix + rest, chunks, frames)
                if file.read(1):
                    raise CorruptError("damaged: bytes follow the end marker")
                file.seek(start)
                return complete, ""
            break
        if count > header.frames_per_chunk or frames % header.frames_per_chunk:
            raise CorruptError(f"damaged: chunk {chunks} says it has {count} frames")
        place = file.seek(payload_bytes(header, count), os.SEEK_CUR)
        if place > size:
            cut = f"it ends in the middle of chunk {chunks}"
            break
        frames, chunks = frames + count, chunks + 1
    file.seek(start)
    complete = _so_far(header, frames)
    return complete, f"truncated: {cut}; what came before lasts {complete.seconds:.2f} s"


def _ended(header: Header, end: bytes, num_chunks: int, num_frames: int) -> Header:
    num_samples: int = _END.unpack(end)[2]
    if end != pack_end(num_chunks, num_samples):
        raise CorruptError("damaged: the checksum of the end marker doesn't match")
    complete = _with_samples(header, num_samples)
    if complete.num_frames != num_frames:
        raise CorruptError(
            f"damaged: {num_frames} frames; the end marker's {num_samples} samples make "
            f"{complete.num_frames}"
        )
    return complete


def _so_far(header: Header, num_frames: int) -> Header:
    """The header of a file that ends after so many frames: the samples they surely hold."""
    model_samples = max(0, num_frames - 1) * header.hop
    num_samples = model_samples * header.sample_rate // header.model_sample_rate
    complete = _with_samples(header, num_samples)
    if complete.num_frames not in (num_frames, 0):
        raise CorruptError(f"truncated: {num_frames} frames, and its end marker is missing")
    return complete


def _with_samples(header: Header, num_samples: int) -> Header:
    try:
        return replace(header, num_samples=num_samples)
    except BitstreamError as error:
        raise CorruptError(f"impossible file: {error}") from error
