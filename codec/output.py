"""Files that appear whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from codec.errors import OutputError
from codec.partial import partial_file


@contextmanager
def new_file(target: str | Path | BinaryIO, force: bool = False) -> Iterator[BinaryIO]:
    """An open, seekable file whose bytes reach `target` only if the block ends without an error.

    A path gets them by renaming a temporary file in the same folder; an open file or a device
    (a pipe, /dev/null) by copying.

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
        path = Path(target)
        check_target(path, force)
        if path.exists() and not path.is_file():
            try:
                with path.open("wb") as device:
                    yield from _copied(device)
            except BrokenPipeError:
                raise
            except OSError as error:
                raise OutputError(f"{path}: can't be written ({error.strerror})") from error
        else:
            yield from _renamed(path, force)
    else:
        yield from _copied(target)


@contextmanager
def growing_file(target: str | Path | BinaryIO, force: bool = False) -> Iterator[BinaryIO]:
    """An open file whose bytes reach `target` as they are flushed; a path exists from the start.

    Raises:
        OutputError: see `new_file`.
    """
    if not isinstance(target, str | Path):
        yield target
        return
    path = Path(target)
    check_target(path, force)
    try:
        with path.open("wb" if force or not path.is_file() else "xb") as file:
            yield file
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"{path}: can't be written ({error.strerror or error})") from error


def check_target(path: Path, force: bool) -> None:
    """Refuse what can't become a file, before any work is done.

    Raises:
        OutputError: see `new_file`.
    """
    try:
        with suppress(FileNotFoundError, NotADirectoryError):
            path.stat()  # a link that leads to itself can't be followed
        if path.is_dir():
            raise OutputError(f"{path}: is a folder; expected a file to write")
        if path.is_file() and not force:
            raise OutputError(f"{path}: exists already; --force (force=True) replaces it")
        if not path.parent.is_dir():
            raise OutputError(f"{path}: can't be written, its folder doesn't exist")
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise OutputError(f"{path}: can't be written (no permission)")
    except OSError as error:
        raise OutputError(f"{path}: can't be written ({error.strerror})") from error


def _copied(target: BinaryIO) -> Iterator[BinaryIO]:
    """A temporary file that is copied to an open one in the end."""
    with tempfile.TemporaryFile() as file:
        yield file
        file.seek(0)
        shutil.copyfileobj(file, target)
        target.flush()


def _renamed(path: Path, force: bool) -> Iterator[BinaryIO]:
    """A file in the folder of `path` (or of what that links to) that gets its name in the end."""
    try:
        final = path.resolve()
        with partial_file(final) as (partial, file):
            yield file
            file.flush()
            if final.exists() and not force:
                raise OutputError(f"{path}: appeared while it was being written; left as it is")
            partial.replace(final)
    except OSError as error:
        raise OutputError(f"{path}: can't be written ({error.strerror or error})") from error
