"""Scores that are kept: runs that go on where they were, and what a kept score hangs on."""

import dataclasses
import json
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from training.evaluation.clips import find_clips
from training.evaluation.jobs.cache import AFTER_ROWS, EVALUATION, Cache, harness_files
from training.evaluation.jobs.job import Job
from training.evaluation.jobs.rows import Row
from training.evaluation.session import Session, Settings
from training.evaluation.systems import peers
from training.evaluation.systems.peers import Peer, parse_peer
from training.evaluation.systems.system import PeerSystem

COPY = Peer("cp {in} {code}", "cp {code} {out}", rates_kbps=(256.0,))
SLOW = "slow=sh -c 'sleep 0.3; cp $0 $1' {in} {code} ; cp {code} {out}"


@pytest.fixture
def corpus(tmp_path, clips):
    """Three recordings and one that can't be read."""
    for path in clips[:3]:
        shutil.copy(path, tmp_path)
    (tmp_path / "corrupt.wav").write_bytes(b"RIFF but nothing else")
    return tmp_path


@pytest.fixture
def job(clip):
    (found,) = find_clips(clip)
    return Job(PeerSystem("copy", COPY, (256.0,)), 256.0, found, ("stoi",))


def settings(folder: Path, name: str, peer: Peer) -> Settings:
    return Settings(
        data=folder, checkpoints=(), custom_peers={name: peer}, metrics=("lsd",),
        peer_rates_kbps={name: (128.0, 256.0)}, num_processes=0, cache=folder / "cache",
    )  # fmt: skip


def test_an_interrupted_run_goes_on_where_it_was(corpus):
    done: list[str] = []

    def stop_after_four(row: Row, cached: bool) -> None:
        done.append(row.error)
        if len(done) == 4:
            raise KeyboardInterrupt

    run = settings(corpus, "copy", COPY)
    with pytest.raises(KeyboardInterrupt):
        Session(run).run(stop_after_four)
    again: list[bool] = []
    first = Session(run).run(lambda row, cached: again.append(cached))
    assert sum(again) == done.count("") > 0
    again.clear()
    second = Session(run).run(lambda row, cached: again.append(cached))
    assert sum(again) == 6  # all but those that failed, which are tried again
    assert [row.scores for row in first.rows] == [row.scores for row in second.rows]


def test_a_killed_run_goes_on_where_it_was(corpus):
    name, peer = parse_peer(SLOW)
    words = ["--checkpoint", "none", "--peer", SLOW, "--peer-rates", "slow=128,256"]
    words += ["--metrics", "lsd", "--jobs", "1", "--cache", str(corpus / "cache")]
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "evaluate", "--data", str(corpus), *words],
        cwd=Path(__file__).parents[4],
    )
    while process.poll() is None and not any(corpus.glob("cache/*/*.json")):
        time.sleep(0.02)
    process.kill()
    assert process.wait() == -9
    again: list[bool] = []
    results = Session(settings(corpus, name, peer)).run(lambda row, cached: again.append(cached))
    assert 0 < sum(again) < 6
    assert [len(results.rows), len(results.failures)] == [8, 2]


def test_a_kept_score_hangs_on_content_not_names(job, clip, tmp_path):
    shutil.copy(clip, tmp_path / "renamed.flac")
    (renamed,) = find_clips(tmp_path)
    key = job.key()
    assert dataclasses.replace(job, clip=renamed).key() == key
    assert dataclasses.replace(job, nominal_kbps=128.0).key() != key
    faster = dataclasses.replace(COPY, encode="cp -f {in} {code}")
    assert dataclasses.replace(job, system=PeerSystem("copy", faster, (256.0,))).key() != key


def test_it_hangs_on_the_script_of_an_interpreter(tmp_path):
    identities = set()
    for text in ("cp $1 $2", "cp -f $1 $2", "cp $1 $2"):
        (tmp_path / "codec.sh").write_text(text)
        _, peer = parse_peer(f"x=cp {{in}} {{code}} ; sh {tmp_path}/codec.sh {{code}} {{out}}")
        peers._identity.cache_clear()  # it is hashed once a run
        identities.add(peer.identity())
    assert len(identities) == 2


def test_it_hangs_on_all_the_code_that_makes_it():
    """Whatever of this package the jobs import is hashed."""
    imports = "import sys, json, training.evaluation.jobs.job, training.evaluation.systems.folders"
    code = f"""{imports}; print(json.dumps([
        module.__file__ for name, module in sys.modules.items()
        if name.startswith("training.evaluation.")
    ]))"""
    made_by = json.loads(subprocess.check_output([sys.executable, "-c", code], text=True))
    hashed = {str(path) for path in harness_files()}
    assert made_by
    assert set(made_by) <= hashed


def test_what_comes_after_the_rows_is_there():
    assert all((EVALUATION / name).exists() for name in AFTER_ROWS)


def test_a_damaged_entry_is_computed_again(tmp_path, job):
    cache = Cache(tmp_path)
    cache.save(job.key(), dataclasses.replace(job.blank, scores={"stoi": 1.0}))
    (entry,) = tmp_path.rglob("*.json")
    entry.write_text("{")
    assert cache.load(job.key(), job.blank) is None


def test_two_runs_may_write_one_entry_at_the_same_time(tmp_path, job):
    cache, row = Cache(tmp_path), dataclasses.replace(job.blank, scores={"stoi": 1.0})
    key = job.key()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: cache.save(key, row), range(200)))
    loaded = cache.load(key, job.blank)
    assert loaded is not None
    assert loaded.to_dict() == row.to_dict()
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1
