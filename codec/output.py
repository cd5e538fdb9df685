"""Files that appear whole or not at all."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from codec.errors import OutputError


@contextmanager
def new_file(target: str | Path | BinaryIO, force: bool = False) -> Iterator[BinaryIO]:
    """An open, seekable file whose bytes reach `target` only if the block ends without an error.

    A path gets them by renaming a temporary file in the same folder; an open file (a pipe, say)
    by copying.

    Args:
        force: replace what is there.

    Raises:
        OutputError: the path exists and `force` isn't set, its folder doesn't exist, it can't be
            written, the disk is full.

    >>> from io import BytesIO
    >>> target = BytesIO()
    >>> with new_file(target) as file:
    ...     _ = file.write(b"whole")
    >>> target.getvalue()
    b'whole'
    """
    if isinstance(target, str | Path):
        yield from _new_path(Path(target), force)
    else:
        with tempfile.TemporaryFile() as file:
            yield file
            file.seek(0)
            shutil.copyfileobj(file, target)
            target.flush()


def _new_path(path: Path, force: bool) -> Iterator[BinaryIO]:
    check_target(path, force)
    partial = path.with_name(f".{path.name[:64]}.{secrets.token_hex(4)}.partial")
    try:
        file = partial.open("x+b")
    except OSError as error:
        raise OutputError(f"{path}: can't be written ({error.strerror})") from error
    try:
        with file:
            yield file
        if force:
            partial.replace(path)
        else:
            _rename_new(partial, path)
    except OSError as error:
        raise OutputError(f"{path}: can't be written ({error.strerror or error})") from error
    finally:
        partial.unlink(missing_ok=True)


def check_target(path: Path, force: bool) -> None:
    """Refuse what can't become a file, before any work is done.

    Raises:
        OutputError: see `new_file`.
    """
    if path.is_dir():
        raise OutputError(f"{path}: is a folder; expected a file to write")
    if path.exists() and not force:
        raise OutputError(f"{path}: exists already; --force (force=True) replaces it")
    if not path.parent.is_dir():
        raise OutputError(f"{path}: can't be written, its folder doesn't exist")
    if not os.access(path.parent, os.W_OK):
        raise OutputError(f"{path}: can't be written (no permission)")


def _rename_new(partial: Path, path: Path) -> None:
    """Rename, but never over a file that somebody else made in the meantime."""
    if path.exists():
        raise OutputError(f"{path}: appeared while it was being written; nothing was replaced")
    partial.replace(path)
