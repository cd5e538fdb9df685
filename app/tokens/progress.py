"""How far a run is: hours done, × real time, failures, time left."""

import sys
import time
from typing import Any, Self

import click

from app.tokens.recording import Outcome

LOG_EVERY_S = 60.0
"""Time between two lines where stderr is no terminal."""


class Progress:
    """A bar on a terminal, a line a minute elsewhere."""

    def __init__(self, num_recordings: int) -> None:
        self.num_done = 0
        self.num_failed = 0
        self.seconds = 0.0
        self.processor_s = 0.0
        self.worker_peak_mb = 0.0
        self._num_recordings = max(num_recordings, 0)
        self._started_s = self._said_s = time.monotonic()
        self._bar: Any = None

    @property
    def elapsed_s(self) -> float:
        """Seconds since the run started."""
        return time.monotonic() - self._started_s

    def add(self, outcome: Outcome) -> None:
        """Count one recording."""
        self.num_done += not outcome.error
        self.num_failed += bool(outcome.error)
        self.seconds += outcome.seconds
        self.processor_s += outcome.processor_s
        self.worker_peak_mb = max(self.worker_peak_mb, outcome.peak_mb)
        for warning in outcome.warnings:
            self._say(warning)
        if self._bar is not None:
            self._bar.update(self._task, advance=1, told=self.line())
        elif time.monotonic() - self._said_s >= LOG_EVERY_S:
            self._said_s = time.monotonic()
            self._say(self.line())

    def line(self) -> str:
        """The state as text."""
        ended, elapsed_s = self.num_done + self.num_failed, max(self.elapsed_s, 1e-9)
        left = max(self._num_recordings - ended, 0)
        left_s = elapsed_s * left / ended if ended else 0.0
        return (
            f"{ended:,} of {self._num_recordings:,} recordings, {self.seconds / 3600:,.2f} h of "
            f"audio, {self.seconds / elapsed_s:,.0f} × real time, {self.num_failed:,} failed, "
            f"{_span(left_s)} left"
        )

    def _say(self, text: str) -> None:
        """A line on stderr, above the bar if there is one."""
        text = f"nsvq: {text}"
        if self._bar is None:
            click.echo(text, err=True)
        else:
            self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn
            from rich.progress import Progress as Bar

            columns = (BarColumn(bar_width=20), TextColumn("{task.fields[told]}"))
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task("", total=self._num_recordings, told=self.line())
            self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.stop()


def _span(seconds: float) -> str:
    """Hours and minutes, or minutes and seconds.

    >>> _span(3_725), _span(65)
    ('1 h 02 min', '1 min 05 s')
    """
    minutes = int(seconds) // 60
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes} min {int(seconds) % 60:02d} s"
