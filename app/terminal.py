"""The process as a person or a shell runs it: signals, closed streams, names in any encoding."""

import os
import signal
import sys
from contextlib import suppress
from typing import NoReturn

import click

_STOPPING = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


def prepare() -> None:
    """Set up standard streams and signals, before anything else is done."""
    _fill_closed_descriptors()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a name may be in no encoding at all
    for number in _STOPPING:
        if signal.getsignal(number) != signal.SIG_IGN:  # as under nohup
            signal.signal(number, _stop)


def flush_stdout() -> None:
    """Send what waits to standard output now, while an error can still be told."""
    if sys.stdout is not None:
        sys.stdout.flush()


def forget_stdout() -> None:
    """Nobody can take what waits in standard output: the interpreter must not try once more."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def say(message: str, exit_code: int) -> int:
    """One line on stderr, where there is one; gives the exit code back."""
    with suppress(OSError):
        click.echo(f"nsvq: {' '.join(message.split())}", err=True)
    return exit_code


def _stop(number: int, frame: object) -> NoReturn:
    """Leave, removing what is half written; signals that follow would disturb that."""
    for other in _STOPPING:
        signal.signal(other, signal.SIG_IGN)
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    sys.exit(say("interrupted", 128 + number))


def _fill_closed_descriptors() -> None:
    """A shell may close standard streams; a file opened later must not take their numbers."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
