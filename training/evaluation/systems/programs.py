"""Other codecs' programs: run with a limit, their processor time and memory measured."""

import math
import os
import shlex
import subprocess
import time
from pathlib import Path

from codec.errors import EvaluationError

_POLL_S = 0.002


def run_program(command: list[str], result: Path, limit_s: float) -> tuple[float, float]:
    """Run `command`, which is to write `result`; its processor seconds and peak memory in MB.

    Raises:
        EvaluationError: it failed, left no `result`, or was ended after `limit_s` seconds.
    """
    log = result.with_suffix(".log")
    end = time.monotonic() + limit_s
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
        peak_mb = 0.0
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > end:
                process.kill()
                process.wait()
                raise EvaluationError(f"{command[0]} was ended: not done after {limit_s:.0f} s")
            peak_mb = max(peak_mb, resident_mb(process.pid))
            time.sleep(_POLL_S)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0 or not result.exists():
        lines = log.read_text(errors="replace").strip().splitlines()
        raise EvaluationError(
            f"{command[0]} failed ({process.returncode}): {lines[-1] if lines else 'no message'}"
        )
    return usage.ru_utime + usage.ru_stime, peak_mb or math.nan


def resident_mb(pid: int) -> float:
    """Highest resident memory of a process so far, 0 if that can't be told.

    `ru_maxrss` would do if it did not count the memory of the process that started it.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    lines = [line.split() for line in status.splitlines() if line.startswith("VmHWM:")]
    return float(lines[0][1]) / 1024 if lines else 0.0


def output_of(command: str, limit_s: float = 20.0) -> str:
    """What `command` prints, whatever its exit status; nothing if it can't run or doesn't end."""
    try:
        run = subprocess.run(
            shlex.split(command),
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=limit_s,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return run.stdout + run.stderr
