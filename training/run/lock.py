"""One run in a folder at a time: two would mix their states, logs and weights."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from codec.errors import OutputError, TrainingError

LOCK = "run.lock"


@contextmanager
def only_run(folder: Path) -> Iterator[None]:
    """Hold the lock on a run's folder; it goes with the process, however that ends.

    Raises:
        TrainingError: another process holds it.
        OutputError: the folder can't be written to.
    """
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise TrainingError(
            f"{folder}: another run is at work in this folder; wait for it, stop it, or give "
            "another --output"
        ) from error
    except OSError as error:
        raise OutputError(f"{lock.lock_file}: can't be locked ({error.strerror})") from error
    try:
        yield
    finally:
        lock.release()
