"""Keys pressed while a conversation runs, where there is a keyboard."""

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager

HELP = "keys: + and - change the bitrate, l and k the loss, q ends"


@contextmanager
def keyboard() -> Iterator[int | None]:
    """A descriptor that gives each key at once; None without a terminal."""
    if sys.stdin is None or not sys.stdin.isatty():
        yield None
        return
    try:
        import termios
        import tty
    except ModuleNotFoundError:  # no POSIX
        yield None
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor)
        yield descriptor
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def pressed(descriptor: int | None) -> str:
    """The keys pressed since the last time."""
    if descriptor is None or not select.select([descriptor], [], [], 0)[0]:
        return ""
    return os.read(descriptor, 64).decode(errors="ignore")
