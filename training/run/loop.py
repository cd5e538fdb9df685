"""The loop around a run's steps: resume, log, save, validate, export."""

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.progress import bar
from training.ranks import agree, rank
from training.run.lock import only_run
from training.run.log import Log
from training.run.run import Run
from training.run.signals import held_back
from training.run.validation import validate

STATE = "state.safetensors"
BEST = "best.safetensors"
LAST = "last.safetensors"


@dataclass(frozen=True)
class FitOptions:
    """How often to do what, in seconds of wall clock where it costs time, else in steps."""

    log_every: int = 100
    """Steps between two lines of the log."""
    save_every_s: float = 120.0
    """Seconds between two saves of the whole state."""
    validate_every_s: float = 600.0
    """Seconds between two validations."""
    stop_after_s: float = float("inf")
    """Stop by then with the state saved, to go on another time."""
    watched: str = "pesq_wb/6kbps"
    """The score whose best weights are kept."""


def fit(
    run: Run,
    folder: Path,
    clips: Sequence[np.ndarray],
    stages: Sequence[int],
    options: FitOptions = FitOptions(),
    *,
    say: Callable[[str], None] = lambda line: None,
) -> None:
    """Train until the recipe ends; `folder` gets the state, the log and checkpoints.

    A folder that holds a state is gone on with. Ctrl-C and SIGTERM end the step, save and stop.

    Args:
        clips, stages: what to validate on, and at which numbers of stages.
        say: told what the user should know, a line at a time.

    Raises:
        TrainingError: another run is at work in the folder, or its state doesn't fit.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with only_run(folder) if rank() == 0 else nullcontext():
        _fit(run, folder, clips, stages, options=options, say=say)


def _fit(
    run: Run,
    folder: Path,
    clips: Sequence[np.ndarray],
    stages: Sequence[int],
    *,
    options: FitOptions,
    say: Callable[[str], None],
) -> None:
    """`fit`, in a folder that is ours."""
    state = folder / STATE
    _begin(run, state, say)
    log = Log(folder) if rank() == 0 else None
    clock = _Clock(options)
    with bar(shown=log is not None) as progress, held_back() as asked_to_stop:
        task = progress.add_task(
            run.state.learner.phase.name, total=run.recipe.num_steps, completed=run.state.step
        )
        while run.state.step < run.recipe.num_steps and not agree(clock.over() or asked_to_stop()):
            values = run.train_step()
            if log is None:
                continue
            log.collect(values)
            progress.update(
                task, completed=run.state.step, description=run.state.learner.phase.name
            )
            if run.state.step % options.log_every == 0:
                log.write(run.state.step, log.line() | _standing(run))
            validation_due = clock.due("validate", options.validate_every_s)
            if clock.due("save", options.save_every_s) or validation_due:
                run.save(state)
            if validation_due:
                _validate(run, folder, clips, stages, log=log, options=options)
        if log is not None:
            run.save(state)
            say(f"step {run.state.step} of {run.recipe.num_steps}; the state is in {state}")
    if log is not None:
        _validate(run, folder, clips, stages, log=log, options=options)
        run.export(folder / LAST)


def _begin(run: Run, state: Path, say: Callable[[str], None]) -> None:
    """Go on from `state` if it is there, else start."""
    if not state.exists():
        run.start()
        return
    for difference in run.resume(state):
        say(f"{state}: goes on with another recipe than before: {difference}")
    say(f"{state}: goes on from step {run.state.step}")


def _standing(run: Run) -> dict[str, float]:
    """Where a run is, for its log: the last step's phase (from 0) and learning rate."""
    groups = run.state.learner.optimizer.param_groups
    return {
        "replaced": float(run.state.replaced),
        "learning_rate": max(
            (float(group["lr"] / group["share"]) for group in groups if group["share"]), default=0.0
        ),
        "phase": float(
            [phase is run.state.learner.phase for phase in run.recipe.phases].index(True)
        ),
    }


def _validate(
    run: Run,
    folder: Path,
    clips: Sequence[np.ndarray],
    stages: Sequence[int],
    *,
    log: Log,
    options: FitOptions,
) -> None:
    """Score the averaged weights and keep them if they are the best so far."""
    if not clips:
        return
    run.state.average.eval()
    scores = validate(run.state.average, clips, stages)
    watched = scores.get(options.watched, 0.0)
    if watched > log.best(options.watched):
        run.export(folder / BEST)
    log.write(run.state.step, scores)


class _Clock:
    """Tells when something is due again."""

    def __init__(self, options: FitOptions) -> None:
        self.start = time.monotonic()
        self.stop_after_s = options.stop_after_s
        self.last: dict[str, float] = {}

    def over(self) -> bool:
        return time.monotonic() - self.start > self.stop_after_s

    def due(self, what: str, every_s: float) -> bool:
        now = time.monotonic()
        if now - self.last.setdefault(what, self.start) < every_s:
            return False
        self.last[what] = now
        return True
