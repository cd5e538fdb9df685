"""Types of the columns that are carried along, and values made to fit them.

A column keeps one type over all shards, so types are found before the first row is written:
Parquet and `datasets` tell theirs, those of CSV are text, those of JSON are seen in one pass.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

OWN = (
    "id",
    "channel",
    "path",
    "start_s",
    "seconds",
    "sample_rate",
    "codes",
    "num_stages",
    "frame_rate",
    "model_id",
)
"""Columns of this program; a manifest's of the same name is carried as `source_<name>`."""
Types = dict[str, pa.DataType]
_INT64 = range(-(2**63), 2**63)
_SURROGATE = re.compile("[\ud800-\udfff]")


def carried_name(name: str) -> str:
    """The name in the shards of a manifest's column.

    >>> carried_name("text"), carried_name("codes")
    ('text', 'source_codes')
    """
    return f"source_{name}" if name in OWN else writable(name)


def type_of(value: Any) -> pa.DataType:
    """The type for a column that holds `value`; what is no number, bool or bytes becomes text."""
    match value:
        case None:
            return pa.null()
        case bool():
            return pa.bool_()
        case int() if value in _INT64:
            return pa.int64()
        case float():
            return pa.float64()
        case bytes():
            return pa.binary()
    return pa.string()


def merge_types(known: Types, found: Mapping[str, pa.DataType]) -> None:
    """Widen `known` so that it holds `found` too."""
    for name, new in found.items():
        old = known.get(name, pa.null())
        if old == new or pa.types.is_null(new):
            known.setdefault(name, old)
        elif pa.types.is_null(old):
            known[name] = new
        elif {old, new} == {pa.int64(), pa.float64()}:
            known[name] = pa.float64()
        else:
            known[name] = pa.string()


def fitted(value: Any, type_: pa.DataType) -> Any:
    """`value` for a column of `type_`: text where the column had to become text.

    >>> fitted([1, 2], pa.string()), fitted("x", pa.string()), fitted(3, pa.int64())
    ('[1, 2]', 'x', 3)
    """
    if value is None or not (pa.types.is_string(type_) or pa.types.is_large_string(type_)):
        return value
    if isinstance(value, str):
        return writable(value)
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return as_json(value)


def writable(text: str) -> str:
    """`text` with what UTF-8 can't hold, such as a file name in Latin-1, as escapes.

    >>> writable("caf\\udce9"), writable("café")
    ('caf\\\\udce9', 'café')
    """
    return text.encode(errors="backslashreplace").decode()


def as_json(value: Any) -> str:
    """`value` as JSON whose strings are all `writable`."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return _SURROGATE.sub(lambda found: f"\\\\u{ord(found[0]):04x}", text)
