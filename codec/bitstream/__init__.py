"""The .nsvq file: a header, then independent chunks of codes. See docs/format.md.

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
from codec.bitstream.header import (
    GROWING,
    HEADER_BYTES,
    VARIABLE,
    VERSION,
    Header,
    default_frames_per_chunk,
    variable_frames_per_chunk,
)
from codec.bitstream.tags import Tags, kept_tags
from codec.bitstream.variable import variable_bits, with_depth

__all__ = [
    "GROWING",
    "HEADER_BYTES",
    "VARIABLE",
    "VERSION",
    "FileReader",
    "FileWriter",
    "Header",
    "Tags",
    "default_frames_per_chunk",
    "kept_tags",
    "pack_file",
    "read_header",
    "trim_file",
    "trim_reader",
    "unpack_file",
    "variable_bits",
    "variable_frames_per_chunk",
    "with_depth",
]
