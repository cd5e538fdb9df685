"""What a run tells of itself, on a terminal and in a log."""

import io
from typing import Any

import pytest

from app.tokens import progress
from app.tokens.progress import Progress
from app.tokens.recording import Outcome


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds, to be set."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def coded(seconds: float) -> Outcome:
    return Outcome("id", "x", 0.0, ({"seconds": seconds},), peak_mb=seconds)


def test_hours_speed_failures_and_time_left(clock: list[float]) -> None:
    told = Progress(num_recordings=10)
    for seconds in (1_800.0, 1_800.0, 3_600.0):
        told.add(coded(seconds))
    told.add(Outcome("bad", "x", 0.0, error="damaged"))
    clock[0] = 80.0
    assert told.line() == (
        "4 of 10 recordings, 2.00 h of audio, 90 × real time, 1 failed, 2 min 00 s left"
    )
    assert told.worker_peak_mb == 3_600.0


def test_a_log_has_a_line_a_minute(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(num_recordings=100) as told:
        for _ in range(100):
            clock[0] += 1.3
            told.add(coded(2.0))
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(" rec")[0] for line in lines] == ["nsvq: 47 of 100", "nsvq: 94 of 100"]


def test_a_terminal_has_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal: Any = Terminal()
    monkeypatch.setattr(progress.sys, "stderr", terminal)
    with Progress(num_recordings=2) as told:
        told.add(coded(7_200.0))
        told._bar.refresh()
    assert "1 of 2 recordings, 2.00 h of audio" in terminal.getvalue()
