"""Half-written files: a hidden name beside the final one, held by a lock, swept if orphaned.

A process that dies by SIGKILL or with the power can't remove what it was writing. Its lock on the
file dies with it, so the next process that writes into that folder knows and removes the file.
"""

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from codec.locks import lock

_NAME = re.compile(r"\..+\.[0-9a-f]{8}\.partial")
_NAME_BYTES = 64
_swept: set[Path] = set()


@contextmanager
def partial_file(final: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """An open file in the folder of `final`, and its path; removed in the end if still there.

    Orphans in that folder are removed first, once for each process.
    """
    if final.parent not in _swept:
        _swept.add(final.parent)
        sweep(final.parent)
    name = os.fsencode(final.name)[:_NAME_BYTES].decode(errors="ignore")
    path = final.with_name(f".{name}.{secrets.token_hex(4)}.partial")
    try:
        with _locked(path) as file:
            yield path, file
    finally:
        path.unlink(missing_ok=True)


def sweep(folder: Path) -> int:
    """Remove half-written files whose writers are gone; how many there were."""
    removed = 0
    with suppress(OSError):
        for path in list(folder.glob(".*.partial")):
            if _NAME.fullmatch(path.name) and _remove_orphan(path):
                removed += 1
    return removed


def _locked(path: Path) -> BinaryIO:
    """A new file that this process holds a lock on, where the system has locks."""
    while True:
        file = path.open("x+b")
        lock(file, wait=True)  # for a sweeper that took it between these two lines
        if path.exists():
            return file
        file.close()  # and removed it


def _remove_orphan(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            if not lock(file, wait=False):
                return False
            path.unlink()
    except OSError:
        return False
    return True
