"""Recordings that end too early: how their formats tell."""

import os
import re
from typing import BinaryIO

import soundfile

UNKNOWN_BYTES = 0x7FFF_0000
"""Programs that write to a pipe put such a number, or one above it, where a length should be."""
UNKNOWN_WIDE_BYTES = 1 << 62
"""The same, where lengths have 64 bits."""
_PROMISES = (
    (re.compile(r"(?:data|SSND|Data Size|BODY)\s*: (\d+) \(should be (\d+)\)"),
     "bytes of samples", UNKNOWN_BYTES),
    (re.compile(r"Data length (\d+) should be (\d+)"), "bytes of samples", UNKNOWN_BYTES),
    (re.compile(r"(?:riff|Riff size) : (\d+) \(should be (\d+)\)"), "bytes", UNKNOWN_WIDE_BYTES),
)  # fmt: skip
"""What libsndfile notes of WAV, AIFF, AU and SVX, of WVE, and of W64 and RF64: the length that the
header tells and the one that it finds; what they count, and the least that means "unknown"."""
_OGG_PAGE_BYTES = 65_307
"""The most that a page of an Ogg stream has (RFC 3533, section 6)."""
_VOC_END = "Seems to be a truncated file"


def noted_cut(sound: soundfile.SoundFile) -> str | None:
    """What a file lacks at its end by the notes of libsndfile, which reads on in silence."""
    notes = sound.extra_info
    if sound.format == "VOC" and _VOC_END in notes:
        return "the file ends before its header says"
    for pattern, unit, unknown in _PROMISES:
        promised, held = map(int, found.groups()) if (found := pattern.search(notes)) else (0, 0)
        if held < promised < unknown:
            return f"its header promises {promised} {unit} and the file ends after {held}"
    return None


def unfinished_ogg(file: BinaryIO) -> str | None:
    """What an Ogg stream lacks at its end, which libsndfile doesn't always note.

        0      4   5       6        26         27                27 + n
        +------+---+-------+-- … ----+----------+-----------------+-- … ----+
        | OggS | 0 | flags |         | n        | n lengths       | packets |
        +------+---+-------+-- … ----+----------+-----------------+-- … ----+

    The last page has the flag 4 and is whole. What other programs append to it doesn't count.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _OGG_PAGE_BYTES))
    tail = file.read(_OGG_PAGE_BYTES)
    place = tail.rfind(b"OggS\0")
    if place < 0:  # no page ends here, and none is cut here
        return None
    page = tail[place:]
    lengths = page[27 : 27 + page[26]] if len(page) > 26 else b""
    whole = len(page) > 26 and len(page) >= 27 + page[26] + sum(lengths)
    return None if whole and page[5] & 4 else "it ends before the last page of its Ogg stream"
