"""The loop around a run's steps: resume, log, save, validate, export."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from training.ranks import agree, rank
from training.run import Run
from training.validate import validate

STATE = "state.safetensors"
BEST = "best.safetensors"
LAST = "last.safetensors"
LOG = "log.jsonl"


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
) -> None:
    """Train until the recipe ends; `folder` gets the state, the log and checkpoints.

    A folder that holds a state is gone on with. Ctrl-C saves before it stops.
    """
    folder.mkdir(parents=True, exist_ok=True)
    first = rank() == 0
    if (folder / STATE).exists():
        run.resume(folder / STATE)
    else:
        run.start()
    log = _Log(folder)
    clock = _Clock(options)
    with _progress() as bar:
        task = bar.add_task(run.phase.name, total=run.recipe.num_steps, completed=run.step)
        try:
            while run.step < run.recipe.num_steps and not agree(clock.over()):
                log.collect(run.train_step())
                if not first:
                    continue
                bar.update(task, completed=run.step, description=run.phase.name)
                if run.step % options.log_every == 0:
                    log.write(run.step, log.means() | {"replaced": float(run.replaced)})
                if clock.due("save", options.save_every_s):
                    run.save(folder / STATE)
                if clock.due("validate", options.validate_every_s):
                    _validate(run, folder, clips, stages, log=log, options=options)
        finally:
            if first:
                run.save(folder / STATE)
    if first:
        _validate(run, folder, clips, stages, log=log, options=options)
        run.export(folder / LAST)


def _validate(
    run: Run,
    folder: Path,
    clips: Sequence[np.ndarray],
    stages: Sequence[int],
    *,
    log: "_Log",
    options: FitOptions,
) -> None:
    """Score the averaged weights and keep them if they are the best so far."""
    if not clips:
        return
    run.average.eval()
    scores = validate(run.average, clips, stages)
    watched = scores.get(options.watched, 0.0)
    if watched > log.best(options.watched):
        run.export(folder / BEST)
    log.write(run.step, scores)


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


class _Log:
    """Scalars to a JSON-lines file and to TensorBoard."""

    def __init__(self, folder: Path) -> None:
        from torch.utils.tensorboard import SummaryWriter  # slow to import

        self.path = folder / LOG
        self.board = SummaryWriter(str(folder / "tensorboard"))
        self.collected: list[dict[str, float]] = []
        self.since = time.monotonic()

    def collect(self, values: dict[str, float]) -> None:
        """Remember one step's values for the next line."""
        self.collected.append(values)

    def means(self) -> dict[str, float]:
        """Means of what was collected since the last call, and steps per second."""
        now = time.monotonic()
        names = dict.fromkeys(name for values in self.collected for name in values)
        means = {
            name: float(np.mean([v[name] for v in self.collected if name in v])) for name in names
        }
        means["steps_per_s"] = len(self.collected) / max(1e-9, now - self.since)
        self.collected, self.since = [], now
        return means

    def write(self, step: int, values: dict[str, float]) -> None:
        """One line of the log."""
        with self.path.open("a") as file:
            file.write(json.dumps({"step": step, "time": time.time()} | values) + "\n")
        for name, value in values.items():
            self.board.add_scalar(name, value, step)
        self.board.flush()

    def best(self, name: str) -> float:
        """The highest value of `name` so far, or minus infinity."""
        if not self.path.exists():
            return float("-inf")
        lines = (json.loads(line) for line in self.path.read_text().splitlines())
        return max((line[name] for line in lines if name in line), default=float("-inf"))


def _progress() -> Progress:
    """A bar on stderr; nothing where stderr is no terminal."""
    from rich.console import Console

    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
