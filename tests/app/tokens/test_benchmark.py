"""What the benchmark counts, and what it makes of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.tokens.benchmark import Measured, main, marginal
from app.tokens.counted import run_counted

BUSY = "import time\nwhile time.process_time() < 1.0: pass"
ORPHAN = f"""
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", {f"import os; os.setsid(){chr(10)}{BUSY}"!r}])
{BUSY}
time.sleep(1.0)
print("done")
"""


def test_processes_of_processes_count() -> None:
    output, spent_s = run_counted([sys.executable, "-c", ORPHAN], os.environ)
    assert output == "done\n"
    assert 1.4 < spent_s < 3.0


def test_other_children_are_neither_counted_nor_waited_for() -> None:
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as other:
        try:
            output, spent_s = run_counted([sys.executable, "-c", "print(1)"], os.environ)
        finally:
            other.kill()
    assert output == "1\n"
    assert spent_s < 0.5


def test_a_run_that_fails_is_told() -> None:
    with pytest.raises(subprocess.CalledProcessError):
        run_counted([sys.executable, "-c", "raise SystemExit(3)"], os.environ)


def test_start_up_is_in_no_difference() -> None:
    def run(hours: float, total_s: float) -> Measured:
        return Measured("local", 1, 9, hours, 1.0, 1.0, total_s, 1.0, 1.0, 1.0)

    lines = list(marginal([run(0.1, 5.0), run(1.1, 41.0)]))
    assert lines[2:] == ["| local | 1 | 1.00 | 36.0 | 100 |"]


def test_a_page_is_printed(toy_checkpoint: Path) -> None:
    words = ["--clips", "4,12", "--seconds", "1", "--jobs", "1", "--checkpoint", toy_checkpoint]
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    assert "| local | 1 | 12 |" in result.output
    assert "core-hours" in result.output
