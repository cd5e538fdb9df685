"""Run planned jobs: whole outputs or none, a progress bar, and every failure told at the end."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.failures import Failure, folder_failures, report_failures
from app.files import STANDARD, Job, Plan
from app.progress import Meter
from app.work import Facts, Work, attempt, folders_above

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class Manner:
    """How a batch treats its outputs and what it tells."""

    force: bool = False
    """Outputs that exist are replaced."""
    skip_existing: bool = False
    """Outputs that exist are taken for done."""
    as_json: bool = False
    """One JSON object on stdout instead of text."""
    quiet: bool = False
    """Nothing but failures is told."""
    num_processes: int | None = 1
    """Files at a time, each in a process; None for as many as there are cores."""


def run_jobs(
    plan: Plan,
    work: Work,
    manner: Manner,
    *,
    tell: Callable[[Facts], str],
    refuse: Callable[[Path], str | None] = lambda source: None,
) -> None:
    """Do every job, tell what was done on stdout and what failed on stderr.

    A job that fails does not stop the others; if any failed, or a folder of the plan can't be
    read, the exit code is 1.

    Args:
        tell: one line of text for a job's facts.
        refuse: why a source can't be used, as far as that is known before `work` is loaded.
    """
    jobs = plan.jobs
    if manner.as_json and any(job.target == STANDARD for job in jobs):
        raise click.UsageError("--json and the output can't both go to standard output")
    todo, done, failures = [], [], []
    for job in jobs:
        if manner.skip_existing and all(path.exists() for path in job.outputs):
            continue
        if reason := refuse(job.source):
            failures.append({"input": str(job.source), "error": reason})
        else:
            todo.append(job)
    skipped = len(jobs) - len(todo) - len(failures)
    meter = Meter(len(todo))
    targets = [path for job in todo for path in job.outputs]
    with meter.shown(not manner.quiet), folders_above(targets):
        outcomes = _run(todo, work, manner, meter) if todo else []
    done = [facts for facts, failure in outcomes if failure is None]
    failures += [failure for _, failure in outcomes if failure is not None]
    _tell_notes(done, manner)
    if manner.as_json:
        told = {
            "files": done,
            "failures": [*folder_failures(plan.unread), *failures],
            "skipped": skipped,
        }
        click.echo(json.dumps(told, indent=2))
    elif not manner.quiet and len(jobs) == 1 and done and done[0]["output"] != "-":
        click.echo(tell(done[0]))
    elif not manner.quiet and (skipped or (len(jobs) > 1 and done)):
        click.echo(summary(done, len(jobs), skipped, meter.elapsed_s))
    report_failures(failures, len(jobs), plan.unread)


def summary(done: Sequence[Facts], num_jobs: int, skipped: int, elapsed_s: float) -> str:
    """A batch in one line.

    >>> summary([{"seconds": 60.0}], 3, 1, 6.0)
    '1 of 3 files written, 1 there already; 60.0 s of audio in 6.0 s, 10.0 × real time'
    >>> summary([{"seconds": 60.0, "num_channels": 2}], 1, 0, 6.0).partition("; ")[2]
    '60.0 s of audio in 6.0 s, 10.0 × real time; 1 has several channels, each at the full bitrate'
    """
    line = f"{len(done)} of {num_jobs} files written"
    if skipped:
        line += f", {skipped} there already"
    if not done:
        return line
    audio_s = sum(facts["seconds"] for facts in done)
    speed = audio_s / max(1e-9, elapsed_s)
    line += f"; {audio_s:.1f} s of audio in {elapsed_s:.1f} s, {speed:.1f} × real time"
    if wide := sum(facts.get("num_channels", 1) > 1 for facts in done):
        have = "has" if wide == 1 else "have"
        line += f"; {wide} {have} several channels, each at the full bitrate"
    return line


def _run(
    jobs: Sequence[Job], work: Work, manner: Manner, meter: Meter
) -> Sequence[tuple[Facts, Failure | None]]:
    """Outcomes in the order of the jobs."""
    num_processes = 1
    if len(jobs) > 1 and manner.num_processes != 1:
        from app.workers import num_cores, run_in_processes

        num_processes = min(len(jobs), manner.num_processes or num_cores())
    if num_processes > 1:
        return run_in_processes(jobs, work, manner.force, meter, num_processes=num_processes)
    work.load()
    outcomes = []
    for index, job in enumerate(jobs):
        meter.started(job.source)

        def advance(done_s: float, all_s: float, index: int = index) -> None:
            meter.advanced(index, done_s, all_s)

        outcomes.append(attempt(job, work, manner.force, advance))
        meter.finished(index, failed=outcomes[-1][1] is not None)
    return outcomes


def _tell_notes(done: Sequence[Facts], manner: Manner) -> None:
    """What should be known about files that were done, each line once."""
    for note in dict.fromkeys(note for facts in done for note in facts.get("notes", ())):
        if not manner.quiet:
            click.echo(f"nsvq: {note}", err=True)
