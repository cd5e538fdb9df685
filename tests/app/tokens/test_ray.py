"""The same rows from a cluster as from one machine, and with a worker killed on the way."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.tokens.recording import Settings
from app.tokens.run import Summary, run
from app.tokens.sources import Sources
from codec.catalog import describe_checkpoint
from tests.app.tokens.conftest import Rows, read_failures, read_rows

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install nsvq-codec[ray]")
pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own, at import and at shut-down


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


def run_ray(corpus: Path, checkpoint: Path, folder: Path, pool_class: Any) -> Summary:
    info = describe_checkpoint(checkpoint)
    settings = Settings(str(checkpoint), info.config.num_stages, info.model_id.hex())
    return run(Sources([str(corpus)]), settings, folder, make_pool=lambda: pool_class(settings, 2))


@pytest.fixture
def expected(corpus: Path, tokens: Any) -> Rows:
    return read_rows(tokens(corpus, output="local"))


def test_no_cluster_is_one_line(
    corpus: Path, nsvq: Any, tmp_path: Path, toy_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unanswered(**options: Any) -> None:
        raise ConnectionError(f"nobody at {options['address']}\nand much more")

    monkeypatch.setattr(ray, "init", unanswered)  # Ray itself tries for minutes
    words = ("-o", tmp_path / "out", "--checkpoint", toy_checkpoint, "--engine", "ray")
    result = nsvq("tokens", corpus, *words, "--address", "far:6379")
    assert result.exit_code == 1
    assert "no Ray cluster at far:6379 (nobody at far:6379)" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.usefixtures("cluster")
def test_ray_gives_the_rows_of_the_local_engine(
    corpus: Path, expected: Rows, toy_checkpoint: Path, tmp_path: Path
) -> None:
    from app.tokens.ray_engine import RayPool

    summary = run_ray(corpus, toy_checkpoint, tmp_path / "ray", RayPool)
    assert (summary.coded, summary.failed) == (40, 3)
    assert read_rows(tmp_path / "ray") == expected
    assert len(read_failures(tmp_path / "ray")) == 3


@pytest.mark.usefixtures("cluster")
def test_a_killed_ray_worker_loses_nothing(
    corpus: Path, expected: Rows, toy_checkpoint: Path, tmp_path: Path
) -> None:
    from app.tokens.ray_engine import RayPool

    killed = []

    class Killing(RayPool):
        """Loses a worker when the third group is under way."""

        count = 0

        def submit(self, group: Any) -> None:
            super().submit(group)
            self.count += 1
            if self.count == 3:
                killed.append(self.pids()[0])
                os.kill(killed[0], signal.SIGKILL)

    summary = run_ray(corpus, toy_checkpoint, tmp_path / "ray", Killing)
    assert killed
    assert (summary.coded, summary.failed) == (40, 3)
    assert read_rows(tmp_path / "ray") == expected
