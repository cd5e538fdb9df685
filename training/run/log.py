"""A run's log: numbers as JSON lines and for TensorBoard, written, read and joined."""

import json
import math
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from codec.errors import TrainingError

LOG = "log.jsonl"

Line = dict[str, float]
"""`step`, `time` and numbers by name: means over some steps, or a validation's scores."""


class Log:
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

    def line(self) -> dict[str, float]:
        """Means of what was collected since the last call, steps skipped and steps per second.

        Values that are not finite, as in most steps skipped, are left out of the means.
        """
        now = time.monotonic()
        found: dict[str, list[float]] = {}
        for values in self.collected:
            for name, value in values.items():
                if math.isfinite(value):
                    found.setdefault(name, []).append(value)
        line = {name: float(np.mean(values)) for name, values in found.items()}
        line["skipped"] = float(sum(found.get("skipped", ())))
        line["steps_per_s"] = len(self.collected) / max(1e-9, now - self.since)
        self.collected, self.since = [], now
        return line

    def write(self, step: int, values: dict[str, float]) -> None:
        """One line of the log."""
        line = json.dumps({"step": step, "time": time.time()} | values, allow_nan=False)
        with self.path.open("a") as file:
            file.write(line + "\n")
        for name, value in values.items():
            self.board.add_scalar(name, value, step)
        self.board.flush()

    def best(self, name: str) -> float:
        """The highest value of `name` so far, or minus infinity."""
        lines = _parsed(self.path) if self.path.exists() else []
        return max((line.get(name, -math.inf) for line in lines), default=-math.inf)


def read_logs(paths: Sequence[Path]) -> list[Line]:
    """The lines of one run, in the order of their steps.

    Args:
        paths: the run's log files or folders, oldest first.

    Raises:
        TrainingError: no log there.
    """
    lines: list[Line] = []
    for path in paths:
        file = path / LOG if path.is_dir() else path
        if not file.is_file():
            raise TrainingError(f"{file}: no such log; expected a run's folder or its {LOG}")
        lines += [line for line in _parsed(file) if math.isfinite(line.get("step", math.nan))]
    if not lines:
        raise TrainingError(f"{', '.join(map(str, paths))}: nothing is logged there yet")
    return forget_redone(lines)


def forget_redone(lines: Iterable[Line]) -> list[Line]:
    """What a killed run did since its last save is done, and logged, again: the last time counts.

    >>> lines = [{"step": s, "mel": m} for s, m in ((1, 0.5), (2, 0.4), (3, 0.3), (2, 0.2))]
    >>> forget_redone(lines)
    [{'step': 1, 'mel': 0.5}, {'step': 2, 'mel': 0.2}]
    """
    kept: list[Line] = []
    for line in lines:
        while kept and kept[-1]["step"] > line["step"]:
            kept.pop()
        kept = [old for old in kept if old["step"] < line["step"] or _kind(old) != _kind(line)]
        kept.append(line)
    return kept


def _kind(line: Line) -> bool:
    """Whether a line holds a validation's scores."""
    return any("/" in name for name in line)


def _parsed(path: Path) -> list[Line]:
    """The numbers of a log; nothing of a line that a power cut left half written."""
    lines = []
    for text in path.read_text(errors="replace").splitlines():
        try:
            values = json.loads(text)
        except ValueError:
            continue
        if isinstance(values, dict):
            lines.append({n: float(v) for n, v in values.items() if isinstance(v, int | float)})
    return lines
