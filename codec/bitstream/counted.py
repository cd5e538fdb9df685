"""Version 3 before its codes are read: tags, and how long its payloads are.

+--------+------+---------+---------+-- … --+------------+
| header | tags | chunk 0 | chunk 1 |       | last chunk |
+--------+------+---------+---------+-- … --+------------+
  40      if any  6 + n0    6 + n1           6 + n
"""

import os
from dataclasses import replace
from typing import BinaryIO

from codec.bitstream.chunks import PREFIX_BYTES, check_prefix
from codec.bitstream.header import Header
from codec.bitstream.tags import read_tags
from codec.errors import CorruptError


def counted(file: BinaryIO, header: Header) -> Header:
    """The header with its tags and the bytes of all payloads.

    Payloads are passed over, not read; the file is left where it was, behind its header.

    Raises:
        CorruptError: truncated, or a length that no chunk has.
    """
    start = file.tell()
    size = file.seek(0, os.SEEK_END)
    file.seek(start)
    header = replace(header, tags=read_tags(file))
    total = 0
    for index in range(header.num_chunks):
        length, _ = check_prefix(header, index, file.read(PREFIX_BYTES))
        if (place := file.seek(length, os.SEEK_CUR)) > size:
            raise CorruptError(
                f"truncated: chunk {index} of {header.num_chunks} has "
                f"{length - (place - size)} of {length} bytes"
            )
        total += length
    file.seek(start)
    return replace(header, variable_bytes=total)
