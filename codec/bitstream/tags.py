"""Words about a recording in a file of version 2 or 3: title, artist, date, the source's format.

    0        2            6        8                                    8 + n
    +--------+------------+--------+-------------------------------------+
    | ff  ff |   CRC-32   |   n    | name length, name, text length, text … |
    +--------+------------+--------+-------------------------------------+

Names are a to z and _, in alphabetical order; texts are UTF-8 without control characters, so that
they may be printed. Together they are short: a file with a claim of more is refused.
"""

import re
import struct
import zlib
from collections.abc import Iterable, Mapping
from typing import BinaryIO

from codec.errors import BitstreamError, CorruptError

Tags = tuple[tuple[str, str], ...]
"""Pairs of name and text, sorted by name."""
LABEL = 0xFFFF
"""Where a chunk has its label."""
MAX_BYTES = 4_096
"""Of names and texts with their lengths."""
_NAME = re.compile(r"[a-z_]{1,32}")
_PREFIX = struct.Struct(">HIH")
PREFIX_BYTES = _PREFIX.size
_SALT = struct.Struct(">IHH")


def kept_tags(found: Mapping[str, str]) -> Tags:
    """The tags that a file can hold, of those found in a recording; long texts are cut.

    >>> kept_tags({"title": "Tea\\n", "date": "2026", "track number": "1", "artist": ""})
    (('date', '2026'), ('title', 'Tea'))
    """
    kept: dict[str, str] = {}
    for name, text in sorted(found.items()):
        clean = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        short = clean.encode(errors="ignore")[:500].decode(errors="ignore").strip()
        if (
            _NAME.fullmatch(name)
            and short
            and len(_packed([*kept.items(), (name, short)])) < MAX_BYTES
        ):
            kept[name] = short
    return tuple(kept.items())


def check_tags(tags: Tags) -> None:
    """Refuse tags that a file can't hold.

    Raises:
        BitstreamError: a name or text of the wrong kind, not in order, or too much of it.
    """
    names = [name for name, _ in tags]
    if names != sorted(set(names)) or not all(_NAME.fullmatch(name) for name in names):
        raise BitstreamError(f"tags {names}; expected names of a to z and _, sorted, each once")
    for name, text in tags:
        if not text or not text.isprintable() or text != text.encode(errors="ignore").decode():
            raise BitstreamError(f"tag {name!r} has no text that can be printed")
    if len(_packed(tags)) > MAX_BYTES:
        raise BitstreamError(f"tags take {len(_packed(tags))} bytes; at most {MAX_BYTES} fit")


def tags_bytes(tags: Tags) -> int:
    """Bytes of the tags in a file; 0 if there are none."""
    return PREFIX_BYTES + len(_packed(tags)) if tags else 0


def pack_tags(tags: Tags) -> bytes:
    """The tags as they stand in a file; nothing if there are none."""
    if not tags:
        return b""
    data = _packed(tags)
    return _PREFIX.pack(LABEL, _checksum(data), len(data)) + data


def read_tags(file: BinaryIO) -> Tags:
    """The tags that come next in an open file; if there are none, it is left where it was.

    Raises:
        CorruptError: damaged tags.
    """
    start = file.tell()
    prefix = file.read(PREFIX_BYTES)
    if prefix[:2] != LABEL.to_bytes(2, "big"):
        file.seek(start)
        return ()
    if len(prefix) < PREFIX_BYTES:
        return ()
    data = file.read(length := _length(prefix))
    return _unpack(prefix, data) if len(data) == length else ()


def _length(prefix: bytes) -> int:
    """Bytes that follow the prefix of tags.

    Raises:
        CorruptError: more than tags may take.
    """
    length: int = _PREFIX.unpack(prefix)[2]
    if length > MAX_BYTES:
        raise CorruptError(f"damaged: tags of {length} bytes; at most {MAX_BYTES} are allowed")
    return length


def _unpack(prefix: bytes, data: bytes) -> Tags:
    """The tags in `data`.

    Raises:
        CorruptError: the checksum differs, or they are not tags.
    """
    if _PREFIX.unpack(prefix)[1] != _checksum(data):
        raise CorruptError("damaged: the checksum of the tags doesn't match")
    try:
        tags = tuple(_pairs(data))
        check_tags(tags)
    except (BitstreamError, UnicodeDecodeError, struct.error) as error:
        raise CorruptError(f"damaged: tags that are none ({error})") from error
    if not tags:
        raise CorruptError("damaged: tags without any")
    return tags


def _packed(tags: Iterable[tuple[str, str]]) -> bytes:
    parts = []
    for name, text in tags:
        data = text.encode(errors="ignore")
        parts.append(struct.pack(">B", len(name)) + name.encode(errors="ignore"))
        parts.append(struct.pack(">H", min(len(data), 0xFFFF)) + data)
    return b"".join(parts)


def _pairs(data: bytes) -> Iterable[tuple[str, str]]:
    place = 0
    while place < len(data):
        words = []
        for kind in (">B", ">H"):
            (length,) = struct.unpack_from(kind, data, place)
            place += struct.calcsize(kind)
            if place + length > len(data):
                raise BitstreamError("a text reaches beyond their end")
            words.append(data[place : place + length].decode())
            place += length
        yield words[0], words[1]


def _checksum(data: bytes) -> int:
    return zlib.crc32(data, zlib.crc32(_SALT.pack(0xFFFF_FFFF, LABEL, len(data))))
