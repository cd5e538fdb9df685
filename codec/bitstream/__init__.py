"""The .nsvq file, version 1: a header, then independent chunks of codes. See docs/format.md.

Only the standard library and numpy; never torch, never the network.
"""

from codec.bitstream.file import (
    FileReader,
    FileWriter,
    pack_file,
    read_header,
    trim_file,
    trim_reader,
    unpack_file,
)
from codec.bitstream.header import HEADER_BYTES, VERSION, Header, default_frames_per_chunk

__all__ = [
    "HEADER_BYTES",
    "VERSION",
    "FileReader",
    "FileWriter",
    "Header",
    "default_frames_per_chunk",
    "pack_file",
    "read_header",
    "trim_file",
    "trim_reader",
    "unpack_file",
]
