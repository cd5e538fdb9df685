"""Workers and whole runs that are killed: every recording once, none lost."""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.tokens.engine import outcomes
from app.tokens.local import ProcessPool
from app.tokens.recording import Outcome, Recording, Settings
from app.tokens.sources import Sources
from codec.catalog import describe_checkpoint
from tests.app.tokens.conftest import make_corpus, read_failures, read_rows

NSVQ = [sys.executable, "-m", "app", "tokens"]


@pytest.fixture(scope="session")
def settings(toy_checkpoint: Path) -> Settings:
    info = describe_checkpoint(toy_checkpoint)
    return Settings(str(toy_checkpoint), info.config.num_stages, info.model_id.hex())


def as_dict(found: Iterator[Outcome]) -> dict[str, Any]:
    """Codes or the reason, by id; every id once."""
    results: dict[str, Any] = {}
    for outcome in found:
        assert outcome.id not in results
        results[outcome.id] = outcome.error or [row["codes"].tolist() for row in outcome.rows]
    return results


def test_a_killed_worker_loses_nothing(corpus: Path, settings: Settings, tokens: Any) -> None:
    pool = ProcessPool(settings, 1)
    results = {}
    try:
        for outcome in outcomes(pool, Sources([str(corpus)]).recordings()):
            results[outcome.id] = outcome
            if len(results) == 10:
                (worker,) = multiprocessing.active_children()
                os.kill(worker.pid or 0, signal.SIGKILL)
    finally:
        pool.close()
    expected = read_rows(tokens(corpus))
    assert len(results) == 43
    coded = {(one.id, row["channel"]): row for one in results.values() for row in one.rows}
    assert coded.keys() == expected.keys()
    assert all(row["codes"].tolist() == expected[key]["codes"] for key, row in coded.items())


class Deadly:
    """A pool whose worker dies of certain recordings."""

    window = 4

    def __init__(self, *ids: str) -> None:
        self.ids, self.running = ids, list[Recording]()

    def submit(self, recording: Recording) -> None:
        self.running.append(recording)

    def wait(self) -> list[tuple[Recording, Outcome | None]]:
        batch, self.running = self.running, []
        died = any(one.id in self.ids for one in batch)
        return [(one, None if died else Outcome(one.id, one.path, 0.0)) for one in batch]

    def close(self) -> None:
        """Nothing to stop."""


def test_only_the_recording_that_kills_fails() -> None:
    source = [Recording(str(number), "x") for number in range(20)]
    results = as_dict(outcomes(Deadly("3", "11"), source))
    assert len(results) == 20
    assert [id_ for id_, error in results.items() if "died 3 times" in error] == ["3", "11"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_keeps_what_is_coded(number: int, toy_checkpoint: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [*NSVQ, make_corpus(tmp_path / "in", 400), "-o", out, "--jobs", "1"]
    with subprocess.Popen(
        [*command, "--checkpoint", toy_checkpoint, "--shard-mb", "0.01"],
        stderr=subprocess.PIPE,
        text=True,
        # a runner in the background of a shell has SIGINT ignored, and children inherit that
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    ) as process:
        try:
            wait_until(lambda: any(out.glob(".tokens-000001*")), process)
            process.send_signal(number)
            _, stderr = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, stderr.strip()) == (128 + number, "nsvq: interrupted")
    assert len(list(out.glob("tokens-*.parquet"))) >= 2
    assert not list(out.glob("*.partial"))
    assert 0 < len(read_rows(out)) < 400


def wait_until(ready: Any, process: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + 120
    while not ready():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)


def soak(
    folder: Path, checkpoint: Path, *, clips: int, damaged: int, kills: int, jobs: int = 1
) -> None:
    """Kill a run again and again at any moment; in the end every recording is there once."""
    corpus, out = make_corpus(folder / "in", clips, damaged), folder / "out"
    command = [*NSVQ, corpus, "-o", out, "--checkpoint", checkpoint, "--jobs", str(jobs)]
    command += ["--shard-mb", str(clips * 40 / 1e6)]
    moments = random.Random(0)
    for _ in range(kills):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            process.wait(moments.uniform(0.5, 1.5) * max(2.0, clips / 500 / kills))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    rows = read_rows(out)
    assert len({id_ for id_, _ in rows}) == clips
    assert len(read_failures(out)) == damaged
    assert not list(out.glob("*.partial"))
    wait_until_alone(str(out))


def wait_until_alone(word: str) -> None:
    """No worker outlives its run, however that ended."""
    deadline = time.monotonic() + 30
    while any(word in line for line in command_lines()):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def command_lines() -> Iterator[str]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_text()
        except OSError:
            continue


def test_a_run_that_is_killed_goes_on(toy_checkpoint: Path, tmp_path: Path) -> None:
    soak(tmp_path, toy_checkpoint, clips=120, damaged=3, kills=2)


@pytest.mark.slow
def test_soak(toy_checkpoint: Path, tmp_path: Path) -> None:
    """NSVQ_SOAK=20000,20,10 makes it 20,000 clips, 20 damaged ones and 10 kills."""
    clips, damaged, kills = map(int, os.environ.get("NSVQ_SOAK", "300,5,5").split(","))
    soak(tmp_path, toy_checkpoint, clips=clips, damaged=damaged, kills=kills)
