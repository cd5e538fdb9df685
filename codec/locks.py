"""A lock that ends with its process, however that ends."""

from contextlib import suppress
from importlib import import_module
from typing import Any, BinaryIO

fcntl: Any = None
with suppress(ImportError):  # not every system has it
    fcntl = import_module("fcntl")


def lock(file: int | BinaryIO, wait: bool) -> bool:
    """Whether this process now holds the lock: another may have it, or the system has none.

    It goes when `file` is closed, here and in every process that was forked with it open.
    """
    if fcntl is None:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    return True
