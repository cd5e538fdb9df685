"""Which file becomes which: inputs, folders and standard streams, paired before any work."""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import click

from codec.errors import AudioError
from codec.folders import files_below

STANDARD = Path("-")
"""Standard input or standard output."""
NSVQ_SUFFIX = ".nsvq"


@dataclass(frozen=True)
class Job:
    """One file to make from another; either may be `STANDARD`."""

    source: Path
    target: Path
    beside: tuple[Path, ...] = ()
    """What else is made of the source."""

    @property
    def outputs(self) -> tuple[Path, ...]:
        """Every place that is written to; none of them may be a source."""
        return self.target, *self.beside


class Plan(NamedTuple):
    """What is to be done, and what of the inputs can't be."""

    jobs: list[Job]
    unread: dict[Path, str]
    """Folders that can't be read, and why."""


def plan_jobs(
    inputs: Sequence[str],
    output: str | None,
    *,
    reads: Sequence[str],
    writes: str,
    in_place: bool = True,
    beside: Sequence[str] = (),
) -> Plan:
    """The jobs that `inputs` and `--output` ask for, folders expanded and mirrored.

        a.wav                  a.nsvq
        a.wav    -o OUT        OUT, or OUT/a.nsvq where OUT is a folder or ends in "/"
        a b      -o OUT        OUT/a.nsvq, OUT/b.nsvq
        DIR      -o OUT        OUT/<same path>.nsvq for every recording below DIR
        -        -o OUT        OUT; standard output without -o

    Args:
        reads: suffixes of the files a folder is searched for.
        writes: suffix of outputs whose name is not given.
        in_place: outputs of a folder may go into it.
        beside: suffixes of what each job makes besides its target.

    Raises:
        click.UsageError: standard input or output together with other files, a folder and no
            place for its outputs.
        click.ClickException: a folder without such files, or two jobs with the same output.
    """
    sources = [Path(name) for name in inputs]
    if output == "-" and (len(sources) > 1 or sources[0].is_dir()):
        raise click.UsageError("standard output takes one file, not several")
    if STANDARD in sources:
        if len(sources) > 1:
            raise click.UsageError("standard input can't be mixed with files")
        return Plan([Job(STANDARD, Path(output or "-"))], {})
    jobs: list[Job] = []
    unread: dict[Path, str] = {}
    for source in sources:
        if source.is_dir():
            if output is None and not in_place:
                raise click.UsageError(
                    f"{source} is a folder: give --output, or --in-place to write between its files"
                )
            base = Path(output) if output else source
            for path in _wanted_below(source, reads, unread):
                jobs.append(Job(path, base / _renamed(path, reads, writes).relative_to(source)))
        elif output is None:
            if source.exists() and not source.is_file():
                raise click.UsageError(f"{source} is a pipe or a device: give --output")
            jobs.append(Job(source, _renamed(source, reads, writes)))
        elif len(sources) > 1 or output.endswith(os.sep) or Path(output).is_dir():
            jobs.append(Job(source, Path(output) / _renamed(source, reads, writes).name))
        else:
            jobs.append(Job(source, Path(output)))
    if beside:
        jobs = [_with_others(job, beside) for job in jobs]
    _refuse_collisions(jobs)
    return Plan(jobs, unread)


def named_format(target: Path) -> str:
    """ "wav" or "flac", as an output for a recording is named.

    Raises:
        click.UsageError: it is named like something else.
    """
    from codec.pcm import target_format

    try:
        return target_format(target)
    except AudioError as error:
        raise click.UsageError(str(error)) from error


def expand(inputs: Sequence[str], reads: Sequence[str]) -> tuple[list[Path], dict[Path, str]]:
    """`inputs` with every folder replaced by the files below it that end in one of `reads`.

    And the folders that can't be read, with why.
    """
    paths: list[Path] = []
    unread: dict[Path, str] = {}
    for path in map(Path, inputs):
        paths += _wanted_below(path, reads, unread) if path.is_dir() else [path]
    return paths, unread


def _wanted_below(folder: Path, reads: Sequence[str], unread: dict[Path, str]) -> list[Path]:
    """Files below `folder` with a wanted suffix, sorted; not hidden ones, not linked folders.

    Pipes and devices named like one are told on stderr. Folders that can't be read go to `unread`.
    """
    below: dict[Path, str] = {}
    found: list[Path] = []
    for path in sorted(files_below(folder, below.__setitem__, hidden=False)):
        if path.suffix.lower() not in reads:
            continue
        if path.exists() and not path.is_file():
            click.echo(f"nsvq: left out: {path}: not a regular file", err=True)
        else:
            found.append(path)
    unread |= sorted(below.items())
    if not found:
        common = ", ".join(reads[:4]) + (", …" if len(reads) > 4 else "")
        also = "".join(f"; {path}: {reason}" for path, reason in below.items())
        raise click.ClickException(f"{folder}: no {common} file in this folder{also}")
    return found


def _renamed(path: Path, reads: Sequence[str], writes: str) -> Path:
    """`path` with its suffix exchanged, or appended to where the suffix is not one of `reads`."""
    known = path.suffix.lower() in reads
    return path.with_suffix(writes) if known else path.with_name(path.name + writes)


def _with_others(job: Job, suffixes: Sequence[str]) -> Job:
    return replace(job, beside=tuple(job.target.with_suffix(suffix) for suffix in suffixes))


def _refuse_collisions(jobs: Sequence[Job]) -> None:
    sources = {identity for job in jobs for identity in _identities(job.source)}
    claimed: dict[str, Path] = {}
    for output, job in ((output, one) for one in jobs for output in one.outputs):
        if output == STANDARD:
            continue
        if not sources.isdisjoint(_identities(output)):
            raise click.ClickException(
                f"{output}: is an input as well as an output; give another --output"
            )
        place = os.path.realpath(output)
        if place in claimed:
            raise click.ClickException(
                f"{claimed[place]} and {job.source} would both be written to {output}; "
                "nothing was written"
            )
        claimed[place] = job.source


def _identities(path: Path) -> Iterator[object]:
    """Two paths to one file share one of these, whatever their spelling."""
    yield os.path.realpath(path)
    with suppress(OSError):
        status = path.stat()
        if stat.S_ISREG(status.st_mode) and status.st_ino:
            yield status.st_dev, status.st_ino
