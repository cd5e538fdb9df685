"""Errors as one line for the person at the command line."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from app.files import STANDARD
from codec.errors import CodecError, OutputError

Failure = dict[str, Any]
"""`input`, and `error`: one line that names the file it is about."""

_NO_MEMORY = ("can't allocate memory", "cannot allocate memory", "out of memory",
              "failed to map segment")  # fmt: skip


def failure_of(source: Path, error: Exception, target: Path | None = None) -> Failure:
    """`error` as one line that names the file it is about."""
    about = target if isinstance(error, OutputError) and target is not None else source
    standard = "standard output" if about is target else "standard input"
    name = standard if about == STANDARD else str(about)
    if isinstance(error, OSError) and error.strerror:
        return {"input": str(source), "error": f"{error.filename or name}: {error.strerror}"}
    message = " ".join(reason_of(error).split()).removeprefix("<stdin>: ")
    places = [name, *(str(place) for place in (source, target) if place not in (None, STANDARD))]
    known = any(place in message for place in places)
    return {"input": str(source), "error": message if known else f"{name}: {message}"}


def reason_of(error: BaseException) -> str:
    """What to say of an error: its own words if it was raised on purpose."""
    text = str(error)
    if isinstance(error, click.ClickException):
        return error.format_message()
    if isinstance(error, CodecError):
        return text
    if isinstance(error, MemoryError) or any(words in text.lower() for words in _NO_MEMORY):
        return "out of memory"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return f"unexpected {type(error).__name__}: {text} (a bug; NSVQ_TRACEBACK=1 shows where)"


def folder_failures(unread: Mapping[Path, str]) -> list[Failure]:
    """Folders that can't be read, as failures."""
    return [
        {"input": str(folder), "error": f"{folder}: {reason}"} for folder, reason in unread.items()
    ]


def report_failures(
    failures: Sequence[Failure], num_files: int, unread: Mapping[Path, str] | None = None
) -> None:
    """One line on stderr for each failure and each folder unread, and exit 1 if there was any."""
    folders = folder_failures(unread or {})
    for failure in (*folders, *failures):
        click.echo(f"nsvq: {failure['error']}", err=True)
    if failures and num_files > 1:
        click.echo(f"nsvq: {len(failures)} of {num_files} files failed", err=True)
    if failures or folders:
        raise click.exceptions.Exit(1)
