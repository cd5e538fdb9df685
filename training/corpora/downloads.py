"""A download that is either whole or not there, whoever is interrupted, and whoever else waits."""

import fcntl
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path

from codec.errors import TrainingError

ARCHIVES = (".gz", ".bz2", ".zip")
_ROOM = 3.5
"""Disk a download needs at its largest, of its own size: the archive, its files, packed samples."""
_FAILURES = (
    *(OSError, RuntimeError, EOFError, HTTPException),
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error),
)


def download_once(
    title: str,
    place: Path,
    gigabytes: float,
    download: Callable[[Path], object],
    say: Callable[[str], None],
) -> None:
    """Let `download` fill the folder `place`, unless it is there already.

    It fills a folder beside it, which gets its name when all is there. An archive that came whole
    is kept for the next try; what was unpacked from it by halves is not.

    Args:
        gigabytes: about how much there is to download.
        say: told what comes, before it does.

    Raises:
        TrainingError: too little room, or whatever went wrong on the way.
    """
    if place.is_dir():
        return
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with one_at_a_time(place):
            if not place.is_dir():
                _check_room(title, place.parent, gigabytes)
                say(f"{title}: about {gigabytes:g} GB to download, into {place}")
                partial = place.with_name(f"{place.name}.partial")
                partial.mkdir(exist_ok=True)
                _remove_unpacked(partial)
                download(partial)
                _remove_archives(partial)
                partial.rename(place)
    except _FAILURES as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise TrainingError(
            f"{title}: could not be downloaded ({reason}); try again, or give recordings you have "
            "with --data"
        ) from error


@contextmanager
def one_at_a_time(place: Path) -> Iterator[None]:
    """A block that processes on this machine enter one by one; a process that dies leaves it."""
    with place.with_name(f"{place.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _check_room(title: str, folder: Path, gigabytes: float) -> None:
    free = shutil.disk_usage(folder).free / 1e9
    if free < _ROOM * gigabytes:
        raise TrainingError(
            f"{title}: about {gigabytes:g} GB to download and {_ROOM * gigabytes:.1f} GB of disk "
            f"on the way, but {folder} has {free:.1f} GB left"
        )


def _remove_unpacked(folder: Path) -> None:
    """All but archives: torchaudio takes any folder it finds for a whole one."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif path.suffix not in ARCHIVES:
            path.unlink()


def _remove_archives(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix in ARCHIVES:
            path.unlink()
