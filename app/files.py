"""Which file becomes which: inputs, folders and standard streams, paired before any work."""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import click

from codec.ffmpeg import missing_ffmpeg, needs_missing_ffmpeg

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


def plan_jobs(
    inputs: Sequence[str],
    output: str | None,
    *,
    reads: Sequence[str],
    writes: str,
    in_place: bool = True,
    beside: Sequence[str] = (),
) -> list[Job]:
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
        return [Job(STANDARD, Path(output or "-"))]
    jobs = []
    for source in sources:
        if source.is_dir():
            if output is None and not in_place:
                raise click.UsageError(
                    f"{source} is a folder: give --output, or --in-place to write between its files"
                )
            base = Path(output) if output else source
            for path in _files_below(source, reads):
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
    return jobs


def expand(inputs: Sequence[str], reads: Sequence[str]) -> list[Path]:
    """`inputs` with every folder replaced by the files below it that end in one of `reads`."""
    paths: list[Path] = []
    for path in map(Path, inputs):
        paths += _files_below(path, reads) if path.is_dir() else [path]
    return paths


def _files_below(folder: Path, reads: Sequence[str]) -> list[Path]:
    """Files below `folder` with a wanted suffix, sorted; not hidden ones, not linked folders.

    What looks wanted and can't be had is told on stderr.
    """
    found: list[Path] = []
    left_out: list[str] = []
    for path in _walk(folder, left_out):
        if path.suffix.lower() not in reads:
            continue
        if path.exists() and not path.is_file():
            left_out.append(f"{path}: not a regular file")
        elif needs_missing_ffmpeg(path):
            left_out.append(missing_ffmpeg(path))
        else:
            found.append(path)
    for line in sorted(left_out):
        click.echo(f"nsvq: left out: {line}", err=True)
    if not found:
        common = ", ".join(reads[:4]) + (", …" if len(reads) > 4 else "")
        raise click.ClickException(f"{folder}: no {common} file in this folder")
    return sorted(found)


def _walk(folder: Path, left_out: list[str]) -> Iterator[Path]:
    def note(error: OSError) -> None:
        left_out.append(f"{error.filename}: folder can't be read ({error.strerror})")

    for parent, folders, names in os.walk(folder, onerror=note):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(parent, name) for name in names if not name.startswith("."))


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
