"""The same rows from a Ray cluster as from this process, and with a worker that dies."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from training.evaluation.clips import Clip, find_clips
from training.evaluation.jobs.cache import Cache
from training.evaluation.jobs.job import Job, run_jobs
from training.evaluation.session import Session, Settings
from training.evaluation.systems.peers import Peer
from training.evaluation.systems.system import PeerSystem

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install nsvq-codec[ray]")
pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own, at import and at shut-down
BUNDLED = Path(__file__).parents[3] / "data"
COPY = Peer("cp {in} {code}", "cp {code} {out}", rates_kbps=(256.0,))


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """Ray with two workers on this machine, for all tests here."""
    os.environ.setdefault("RAY_worker_niceness", "0")  # else they wait for every other program
    ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="error",
    )
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    """The three shortest bundled recordings."""
    return sorted(find_clips(BUNDLED), key=lambda clip: clip.path.stat().st_size)[:3]


@pytest.mark.usefixtures("cluster")
def test_ray_gives_the_rows_of_this_machine(tmp_path: Path, clips: list[Clip]) -> None:
    settings = Settings(
        data=BUNDLED, checkpoints=("default",), custom_peers={"copy": COPY}, rates_kbps=(3.0,),
        metrics=("si_sdr", "lsd"), num_processes=0, limit=3, cache=tmp_path / "here",
    )  # fmt: skip
    here = Session(settings).run().rows
    there = Session(replace(settings, engine="ray", cache=tmp_path / "there")).run().rows
    assert len(here) == 6

    def coded(rows: list) -> list:
        return [replace(row, encode_s=0.0, decode_s=0.0, peak_mb=0.0, scores={}) for row in rows]

    assert coded(there) == coded(here)
    assert not any(row.error for row in there)
    for one, other in zip(there, here, strict=True):  # another process may sum in another order
        assert one.scores == pytest.approx(other.scores, rel=1e-4, abs=1e-3)


@pytest.mark.usefixtures("cluster")
def test_only_a_clip_that_kills_each_time_is_a_failure(tmp_path: Path, clips: list[Clip]) -> None:
    from training.evaluation.jobs.ray_jobs import score_on_ray

    mark = tmp_path / "died"
    dies = f"test -e {mark} || ( touch {mark} && kill -9 $PPID ); cp $0 $1"
    peers = {
        "once": Peer(f"sh -c '{dies}' {{in}} {{code}}", COPY.decode, (256.0,)),
        "always": Peer("sh -c 'kill -9 $PPID' {in} {code}", COPY.decode, (256.0,)),
        "copy": COPY,
    }
    jobs = [
        Job(PeerSystem(name, peer, (256.0,)), 256.0, clips[0], ("si_sdr",))
        for name, peer in peers.items()
    ]
    rows = run_jobs(
        jobs, Cache(tmp_path / "cache"), 1,
        engine=lambda jobs, todo: score_on_ray(jobs, todo, None, None),
    )  # fmt: skip
    assert [row.error for row in rows] == ["", "the process that scored it died 3 times", ""]
