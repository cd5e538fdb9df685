"""How a batch is going, on one line of the terminal that vanishes when all is done."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Meter:
    """What was done so far of a batch: files, seconds of audio, failures."""

    def __init__(self, num_files: int) -> None:
        self.num_files = num_files
        self.num_finished = self.num_failed = 0
        self._start = time.monotonic()
        self._done: dict[int, tuple[float, float]] = {}
        self._name = ""
        self._bar: Any = None

    @property
    def elapsed_s(self) -> float:
        """Seconds since the batch began."""
        return time.monotonic() - self._start

    @property
    def audio_s(self) -> float:
        """Seconds of audio done."""
        return sum(done for done, _ in self._done.values())

    def started(self, source: Path) -> None:
        """A file's turn has come."""
        self._name = source.name or str(source)
        self._show()

    def advanced(self, index: int, done_s: float, all_s: float) -> None:
        """So much of file `index` is done."""
        self._done[index] = (done_s, all_s)
        self._show()

    def finished(self, index: int, failed: bool) -> None:
        """File `index` is done with."""
        _, all_s = self._done.get(index, (0.0, 0.0))
        self._done[index] = (0.0, 0.0) if failed else (all_s, all_s)
        self.num_finished += 1
        self.num_failed += failed
        self._show()

    def text(self) -> str:
        """File, n of N, times real time and failures so far, as one line."""
        place = min(self.num_files, self.num_finished + 1)
        parts = [f"{self._name} {place}/{self.num_files}"]
        if self.audio_s:
            parts.append(f"{self.audio_s / max(1e-9, self.elapsed_s):.1f} × real time")
        if self.num_failed:
            parts.append(f"{self.num_failed} failed")
        return " · ".join(parts)

    @contextmanager
    def shown(self, wanted: bool = True) -> Iterator["Meter"]:
        """Show a bar on stderr, where that is a terminal."""
        if not (wanted and sys.stderr is not None and sys.stderr.isatty()):
            yield self
            return
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            Progress,
            TaskProgressColumn,
            TextColumn,
            TimeRemainingColumn,
        )

        columns = (TextColumn("{task.description}", markup=False), BarColumn(),
                   TaskProgressColumn(), TimeRemainingColumn())  # fmt: skip
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(self.text(), total=self.num_files)
            self._bar = lambda done: bar.update(task, completed=done, description=self.text())
            self._show()
            yield self
        self._bar = None

    def _show(self) -> None:
        if self._bar is not None:
            under_way = [done / whole for done, whole in self._done.values() if done < whole]
            self._bar(min(self.num_files, self.num_finished + sum(under_way)))
