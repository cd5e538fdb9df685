"""What a request may ask for, and what it is told if it may not; `gate` asks before Gradio does."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LARGEST_NUMBER = 1e6


@dataclass(frozen=True)
class NumberInput:
    """Where a call expects a number."""

    position: int
    name: str
    optional: bool


class RefusedError(Exception):
    """A request that gets an answer from here: status and one sentence."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


def check_file(wanted: str, folders: Sequence[Path]) -> None:
    """Refuse addresses, and paths outside of `folders`.

    Raises:
        RefusedError: 404, whether or not there is such a file.
    """
    try:
        path = Path(wanted)
        inside = path.is_absolute() and any(path.resolve().is_relative_to(f) for f in folders)
    except (OSError, ValueError):  # too long, or with a null in it
        inside = False
    if not inside:
        raise RefusedError(404, "There is no such file.")


def check_length(headers: Iterable[tuple[bytes, bytes]], max_bytes: int) -> None:
    """Refuse an upload that is too large, before any of it is read.

    Raises:
        RefusedError: 411 without a length that the server goes by (it goes by Transfer-Encoding
            where there is one), 413 with too great a one.
    """
    named = [(name.lower(), value) for name, value in headers]
    found = [value for name, value in named if name == b"content-length"]
    chunked = any(name == b"transfer-encoding" for name, _ in named)
    if chunked or len(found) != 1 or not found[0].isdigit():
        raise RefusedError(411, "Say how long the upload is (Content-Length).")
    if int(found[0]) > max_bytes:
        raise RefusedError(413, f"Too large: up to {max_bytes / 1e6:.0f} MB at once.")


def check_call(
    body: bytes, name: str | None, numbers: Mapping[int | str, Sequence[NumberInput]]
) -> None:
    """Refuse a call that names an address as a file, or gives something else for a number.

    Raises:
        RefusedError: 400 or 422.
    """
    try:
        call = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise RefusedError(400, "The request is not JSON.") from error
    if not isinstance(call, dict):
        raise RefusedError(400, "The request is not a JSON object.")
    if any(re.match(r"\s*[a-z][a-z0-9+.-]+:/", path, re.IGNORECASE) for path in _paths(call)):
        raise RefusedError(400, "Send the file itself: addresses are not fetched.")
    index = call.get("fn_index")
    if index is not None and not isinstance(index, int):  # what Gradio would make an integer of
        raise RefusedError(422, "fn_index is not an integer.")
    key = name if index is None else index
    for wanted in numbers.get(key, ()) if key is not None else ():
        _check_number(_given(call, wanted), wanted)


def _given(call: Mapping[str, Any], wanted: NumberInput) -> Any:
    """The value for an input, by position or by name; 0 if it is left to its default."""
    data = call.get("data")
    if isinstance(data, list) and len(data) > wanted.position:
        return data[wanted.position]
    return call.get(wanted.name, 0)


def _check_number(value: Any, wanted: NumberInput) -> None:
    if value is None and wanted.optional:
        return
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RefusedError(422, f"{wanted.name} is {str(value)[:40]!r}; expected a number.")
    if not abs(value) <= LARGEST_NUMBER:  # so written, it refuses NaN too
        raise RefusedError(422, f"{wanted.name} is out of range.")


def _paths(value: Any) -> Iterator[str]:
    """Everything called "path" at any depth."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if isinstance(value.get("path"), str):
                yield value["path"]
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
