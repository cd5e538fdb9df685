"""Workers and whole runs that are killed: every recording once, none lost."""

import json
import multiprocessing
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.tokens.engine import Group, Pace, outcomes
from app.tokens.local import ProcessPool
from app.tokens.recording import Outcome, Recording, Settings
from app.tokens.sources import Sources
from codec.catalog import describe_checkpoint
from tests.app.tokens.conftest import make_corpus, read_rows
from tests.app.tokens.soak import NSVQ, soak, wait_until


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
            if len(results) == 1:
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
        self.ids, self.running = ids, list[Group]()

    def submit(self, group: Group) -> None:
        self.running.append(group)

    def wait(self) -> list[tuple[Group, list[Outcome] | None]]:
        groups, self.running = self.running, []
        died = any(one.id in self.ids for group in groups for one in group)
        return [
            (group, None if died else [Outcome(one.id, one.path, 0.0) for one in group])
            for group in groups
        ]

    def close(self) -> None:
        """Nothing to stop."""


def test_only_the_recording_that_kills_fails() -> None:
    source = [Recording(str(number), "x") for number in range(20)]
    results = as_dict(outcomes(Deadly("3", "11"), source))
    assert len(results) == 20
    assert [id_ for id_, error in results.items() if "died 3 times" in error] == ["3", "11"]


def test_groups_are_as_large_as_recordings_are_short() -> None:
    def sizes(each_s: float) -> list[int]:
        pace, found = Pace(), []
        for _ in range(7):
            found.append(pace.size)
            pace.add([Outcome("id", "x", 0.0, processor_s=each_s)] * pace.size)
        return found

    assert sizes(60.0) == [1] * 7
    assert sizes(0.05) == [1, 2, 4, 5, 5, 5, 5]
    assert sizes(0.0) == [1, 2, 4, 8, 16, 32, 32]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_keeps_what_is_coded(number: int, toy_checkpoint: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [*NSVQ, make_corpus(tmp_path / "in", 900), "-o", out, "--jobs", "1"]
    with subprocess.Popen(
        [*command, "--checkpoint", toy_checkpoint, "--shard-mb", "0.01"],
        stderr=subprocess.PIPE,
        text=True,
        # a runner in the background of a shell has SIGINT ignored, and children inherit that
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    ) as process:
        try:
            wait_until(lambda: any(out.glob(".tokens-000001*")) or process.poll() is not None)
            process.send_signal(number)
            _, stderr = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, stderr.strip()) == (128 + number, "nsvq: interrupted")
    assert len(list(out.glob("tokens-*.parquet"))) >= 2
    assert not list(out.glob("*.partial"))
    assert 0 < len(read_rows(out)) < 900


def test_a_run_that_is_killed_goes_on(toy_checkpoint: Path, tmp_path: Path) -> None:
    soak(tmp_path, toy_checkpoint, clips=120, damaged=3, kills=3)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["local", "ray"])
def test_soak(engine: str, toy_checkpoint: Path, tmp_path: Path) -> None:
    """NSVQ_SOAK=20000,20,10 makes it 20,000 clips, 20 damaged ones and 10 kills."""
    if engine == "ray":
        pytest.importorskip("ray", reason="Ray is not installed: pip install nsvq-codec[ray]")
    clips, damaged, kills = map(int, os.environ.get("NSVQ_SOAK", "300,5,6").split(","))
    soak(tmp_path, toy_checkpoint, clips=clips, damaged=damaged, kills=kills, engine=engine)


@pytest.mark.slow
def test_memory_is_flat(toy_checkpoint: Path, tmp_path: Path) -> None:
    """From 1,000 to 20,000 clips; NSVQ_MANY=5000 takes fewer."""
    peaks = []
    for clips in (1_000, int(os.environ.get("NSVQ_MANY", "20000"))):
        corpus = make_corpus(tmp_path / f"{clips}", clips)
        words = [corpus, "-o", tmp_path / f"out-{clips}", "--checkpoint", toy_checkpoint]
        command = [*NSVQ, *words, "--jobs", "1", "--shard-mb", "0.5", "--json"]
        told = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
        assert told["coded"] == clips
        peaks.append((told["peak_mb"], told["worker_peak_mb"]))
        print(f"{clips:,} clips: {peaks[-1][0]:.1f} MB, worker {peaks[-1][1]:.1f} MB")
    (few, worker_few), (many, worker_many) = peaks
    assert many < few + 25.0
    assert worker_many < worker_few + 10.0
