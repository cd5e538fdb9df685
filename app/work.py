"""One job: a source, a target, and what is made of the one into the other."""

import functools
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

import click

from app.failures import Failure, failure_of
from app.files import STANDARD, Job
from app.terminal import forget_stdout
from codec.errors import AudioError, OutputError
from codec.output import check_target

if TYPE_CHECKING:
    from codec.codec import Codec

Facts = dict[str, Any]
"""What to tell about a job; "notes" are lines for stderr."""
Place = Path | BinaryIO
"""A file, or an open standard stream."""
Progress = Callable[[float, float], None]
"""Called with the seconds of audio done and those in all."""


class Work(Protocol):
    """Makes a target, whole or not at all, from a source. It may travel to another process."""

    def load(self) -> object:
        """Get ready; an error here is one of all jobs."""

    def __call__(self, source: Place, target: Place, progress: Progress, /) -> Facts:
        """Do one job; what to tell about it."""


def attempt(job: Job, work: Work, force: bool, progress: Progress) -> tuple[Facts, Failure | None]:
    """Do a job: what to tell about it, or why it failed. Nothing of one job stops the others.

    Raises:
        BrokenPipeError: nobody reads standard output any more.
        click.UsageError: standard output is a terminal.
    """
    try:
        return _do(job, work, force, progress), None
    except (BrokenPipeError, click.UsageError):
        raise
    except Exception as error:
        if os.environ.get("NSVQ_TRACEBACK"):
            sys.excepthook(type(error), error, error.__traceback__)
        return {}, failure_of(job.source, error, job.target)


@functools.lru_cache(maxsize=1)
def load_codec(
    checkpoint: str, effort: int = 1, backend: str | None = None, device: str = "cpu"
) -> "Codec":
    """The codec of a checkpoint, on one thread, kept for the next job."""
    from codec import Codec

    if device != "cpu":
        backend = "torch"
    codec = Codec.load(checkpoint, device, effort, backend=backend)
    if backend == "torch":
        import torch

        torch.set_num_threads(1)
    return codec


def _do(job: Job, work: Work, force: bool, progress: Progress) -> Facts:
    source: Place = _standard_input() if job.source == STANDARD else job.source
    if job.target == STANDARD:
        if sys.stdout is None:
            raise OutputError("standard output: is closed")
        if sys.stdout.isatty():
            raise click.UsageError("not writing bytes to a terminal; give --output FILE or a pipe")
        facts = _to_stdout(work, source, progress)
    else:
        _need_folder(job.target)
        for path in job.outputs:
            check_target(path, force)
        facts = work(source, job.target, progress)
    if job.source == STANDARD:
        facts["notes"] = [_of_standard_input(note) for note in facts.get("notes", ())]
    return {"input": str(job.source), "output": str(job.target), **facts}


def _of_standard_input(note: str) -> str:
    """A note as a person would say it, who gave no file named <stdin>."""
    return f"standard input: {note[9:]}" if note.startswith("<stdin>: ") else note


def _standard_input() -> BinaryIO:
    if sys.stdin is None:
        raise AudioError("standard input: is closed")
    return sys.stdin.buffer


def _to_stdout(work: Work, source: Place, progress: Progress) -> Facts:
    try:
        return work(source, sys.stdout.buffer, progress)
    except BrokenPipeError:
        raise
    except OSError as error:
        forget_stdout()
        raise OutputError(f"standard output: can't be written ({error.strerror})") from error


@contextmanager
def folders_above(targets: Iterable[Path]) -> Iterator[None]:
    """Make the folders that are missing above `targets`; in the end, remove those still empty.

    Once for all jobs: one that removed folders when it fails would remove those of the others.
    A folder that can't be made is told by each job that needs it.
    """
    made: list[Path] = []
    try:
        for target in targets:
            for folder in [path for path in reversed(target.parents) if not path.exists()]:
                with suppress(OSError):
                    folder.mkdir()
                    made.append(folder)
        yield
    finally:
        for folder in reversed(made):
            _remove_if_empty(folder)


def _need_folder(target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{target}: can't be written ({error.strerror})") from error


def _remove_if_empty(folder: Path) -> None:
    """Another process may be writing into it, or have removed it."""
    try:
        folder.rmdir()
    except OSError:
        return
