"""Run planned jobs: whole outputs or none, a progress bar, and every failure told at the end."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from app.files import STANDARD, Job
from codec.errors import CodecError, OutputError
from codec.output import check_target

if TYPE_CHECKING:
    from codec.files import CodedFile

Facts = dict[str, Any]
Place = Path | BinaryIO
"""A file, or an open standard stream."""
Progress = Callable[[float, float], None]
"""Called with the seconds of audio done and those in all."""
Work = Callable[[Place, Place, Progress], Facts]
"""Makes a target, whole or not at all, from a source; returns what to tell about it."""


def run_jobs(
    jobs: Sequence[Job], work: Work, *, force: bool, as_json: bool, tell: Callable[[Facts], str]
) -> None:
    """Do every job, tell what was done on stdout and what failed on stderr.

    A job that fails does not stop the others; if any failed, the exit code is 1.

    Args:
        force: outputs that exist are replaced (`work` knows that too).
        as_json: one JSON object on stdout instead of text.
        tell: one line of text for a job's facts.
    """
    if as_json and any(job.target == STANDARD for job in jobs):
        raise click.UsageError("--json and the output can't both go to standard output")
    done: list[Facts] = []
    failures: list[Facts] = []
    with progress_bar(len(jobs)) as advance_to:
        for index, job in enumerate(jobs):

            def advance(done_s: float, all_s: float, index: int = index) -> None:
                advance_to(index + (min(done_s / all_s, 1.0) if all_s else 1.0))

            try:
                done.append(_run(job, work, force, advance))
            except (CodecError, OSError, click.ClickException) as error:
                if isinstance(error, BrokenPipeError | click.UsageError):
                    raise
                failures.append(failure_of(job.source, error, job.target))
            advance_to(index + 1)
    if as_json:
        click.echo(json.dumps({"files": done, "failures": failures}, indent=2))
    elif len(jobs) == 1 and done and done[0]["output"] != "-":
        click.echo(tell(done[0]))
    elif len(jobs) > 1 and done:
        click.echo(f"{len(done)} of {len(jobs)} files written")
    report_failures(failures, len(jobs))


def coded_facts(coded: "CodedFile") -> Facts:
    """What to tell about a .nsvq file."""
    header = coded.header
    return {
        "seconds": header.seconds,
        "sample_rate": header.sample_rate,
        "num_channels": header.num_channels,
        "num_samples": header.num_samples,
        "num_stages": header.num_stages,
        "nominal_kbps": header.bitrate_kbps(),
        "coded_bytes": coded.num_bytes,
        "coded_kbps": coded.bitrate_kbps,
    }


def coded_line(facts: Facts) -> str:
    """`coded_facts` as a line of text."""
    return (
        f"{facts['input']} -> {facts['output']}: {facts['seconds']:.2f} s, "
        f"{facts['coded_bytes']:,} bytes, {facts['coded_kbps']:.2f} kbps"
    )


def failure_of(source: Path, error: Exception, target: Path | None = None) -> Facts:
    """`error` as one line that names the file it is about."""
    name = "standard input" if source == STANDARD else str(source)
    if isinstance(error, OSError):
        return {"input": str(source), "error": f"{error.filename or name}: {error.strerror}"}
    message = error.message if isinstance(error, click.ClickException) else str(error)
    message = " ".join(message.split()).removeprefix("<stdin>: ")
    known = name in message or (target is not None and str(target) in message)
    return {"input": str(source), "error": message if known else f"{name}: {message}"}


def report_failures(failures: Sequence[Facts], num_jobs: int) -> None:
    """One line on stderr for each failure, and exit 1 if there was any."""
    for failure in failures:
        click.echo(f"nsvq: {failure['error']}", err=True)
    if failures and num_jobs > 1:
        click.echo(f"nsvq: {len(failures)} of {num_jobs} files failed", err=True)
    if failures:
        raise click.exceptions.Exit(1)


@contextmanager
def progress_bar(total: float) -> Iterator[Callable[[float], None]]:
    """A bar on stderr that vanishes when done and stays away where stderr is not a terminal."""
    if not sys.stderr.isatty():
        yield lambda completed: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeRemainingColumn

    columns = (BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda completed: bar.update(task, completed=completed)


def _run(job: Job, work: Work, force: bool, advance: Progress) -> Facts:
    source: Place = sys.stdin.buffer if job.source == STANDARD else job.source
    with _folders_above(job.target):
        if job.target == STANDARD:
            if sys.stdout.isatty():
                raise click.UsageError(
                    "not writing bytes to a terminal; give --output FILE or a pipe"
                )
            facts = _to_stdout(work, source, advance)
        else:
            check_target(job.target, force)
            facts = work(source, job.target, advance)
    return {"input": str(job.source), "output": str(job.target), **facts}


def _to_stdout(work: Work, source: Place, advance: Progress) -> Facts:
    try:
        return work(source, sys.stdout.buffer, advance)
    except BrokenPipeError:
        raise
    except OSError as error:
        # What is stuck in the buffer would fail once more when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        raise OutputError(f"standard output: can't be written ({error.strerror})") from error


@contextmanager
def _folders_above(target: Path) -> Iterator[None]:
    """Make the folders that are missing above `target`; take them away again on an error."""
    with ExitStack() as undo:
        for folder in [path for path in reversed(target.parents) if not path.exists()]:
            try:
                folder.mkdir(exist_ok=True)
            except OSError as error:
                raise OutputError(f"{target}: can't be written ({error.strerror})") from error
            undo.callback(_remove_if_empty, folder)
        yield
        undo.pop_all()


def _remove_if_empty(folder: Path) -> None:
    if not any(folder.iterdir()):
        folder.rmdir()
