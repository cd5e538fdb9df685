"""Temporary folders: private, held by a lock, gone when closed, swept if orphaned.

A process that dies by SIGKILL or with the power can't remove its folder. Its lock on the folder
dies with it, so the next process that makes one beside it knows and removes the orphan.

The lock is on the folder itself, not on a file in it: what is inside belongs to whoever made it.
"""

import os
import re
import secrets
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from codec.locks import fcntl, lock

_NAME = re.compile(r"\.?nsvq-[a-z]+-[0-9a-f]{16}")
_swept: set[Path] = set()


class TemporaryFolder:
    """A new folder at `path` that only this user can look into, until `close`.

    Orphans beside it, of whatever kind, are removed first, once for each process.

    >>> with TemporaryFolder("example") as folder:
    ...     (folder / "a.wav").name, folder.is_dir()
    ('a.wav', True)
    >>> folder.exists()
    False
    """

    def __init__(self, kind: str, parent: Path | None = None) -> None:
        """Make the folder `nsvq-KIND-…`.

        Args:
            kind: small letters that say what it is for.
            parent: where, if not among the system's temporary files; it is hidden there.
        """
        dot, place = ("", Path(tempfile.gettempdir())) if parent is None else (".", parent)
        if place not in _swept:
            _swept.add(place)
            sweep(place)
        self.path, self._handle = _locked(place, f"{dot}nsvq-{kind}")
        self._owner = os.getpid()

    def close(self) -> None:
        """Remove the folder and all that is in it; a forked process leaves it to its parent."""
        if self._owner == os.getpid():
            shutil.rmtree(self.path, ignore_errors=True)
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def __enter__(self) -> Path:
        return self.path

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.close()


def sweep(parent: Path) -> int:
    """Remove this user's temporary folders in `parent` whose makers are gone; how many went."""
    removed = 0
    with suppress(OSError):
        for path in list(parent.iterdir()):
            if _NAME.fullmatch(path.name) and _remove_orphan(path):
                removed += 1
    return removed


def _locked(parent: Path, start: str) -> tuple[Path, int | None]:
    """A new folder, and the descriptor by which this process holds it."""
    while True:
        path = parent / f"{start}-{secrets.token_hex(8)}"
        path.mkdir(mode=0o700)
        with suppress(FileNotFoundError):  # a sweeper took it before it was opened
            handle = _opened(path)
            if handle is None:
                return path, None
            lock(handle, wait=True)  # for a sweeper that took it between these lines
            if path.exists():
                return path, handle
            os.close(handle)


def _opened(path: Path) -> int | None:
    """The folder's descriptor, where the system has locks; never that of a link's target."""
    if fcntl is None:
        return None
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)


def _remove_orphan(path: Path) -> bool:
    try:
        handle = _opened(path)
    except OSError:
        return False
    if handle is None:
        return False
    try:
        if os.fstat(handle).st_uid != os.getuid() or not lock(handle, wait=False):
            return False
        shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(handle)
    return not path.exists()
