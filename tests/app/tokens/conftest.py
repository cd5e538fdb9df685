"""A corpus made on the spot, and the rows that came out of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install nsvq-codec[tokens]")

Rows = dict[tuple[str, int], dict[str, Any]]


def make_corpus(folder: Path, num_clips: int, num_damaged: int = 0) -> Path:
    """Short clips of noise at three rates, some in stereo, and files that only look like clips."""
    random = np.random.default_rng(0)
    for index in range(num_clips):
        rate = (16_000, 8_000, 44_100)[index % 3]
        shape = (int(rate * random.uniform(0.05, 0.25)), 2 if index % 7 == 3 else 1)
        place = folder / f"{index // 1000:03d}"
        place.mkdir(parents=True, exist_ok=True)
        wave = 0.1 * random.standard_normal(shape)
        soundfile.write(place / f"{index:06d}.wav", wave, rate, "PCM_16")
    for index in range(num_damaged):
        place = folder / f"{index % 3:03d}"
        place.mkdir(parents=True, exist_ok=True)
        content = (b"", b"RIFF not really", random.bytes(500))[index % 3]
        (place / f"damaged-{index:04d}.wav").write_bytes(content)
    return folder


def read_rows(folder: Path) -> Rows:
    """Every row of the Parquet shards by id and channel, none of them twice."""
    from pyarrow import parquet

    rows: Rows = {}
    for path in sorted(folder.glob("tokens-*.parquet")):
        for row in parquet.read_table(path).to_pylist():
            assert (row["id"], row["channel"]) not in rows
            rows[row["id"], row["channel"]] = row
    return rows


def read_failures(folder: Path) -> dict[str, str]:
    """Reasons by id."""
    from pyarrow import parquet

    path = folder / "failures.parquet"
    rows = parquet.read_table(path).to_pylist() if path.exists() else []
    return {row["id"]: row["reason"] for row in rows}


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty clips, six of them stereo, and three damaged ones."""
    return make_corpus(tmp_path_factory.mktemp("corpus"), 40, 3)


@pytest.fixture
def tokens(nsvq: Callable[..., Any], toy_checkpoint: Path, tmp_path: Path) -> Callable[..., Path]:
    """Run `nsvq tokens` in this process; the folder it wrote."""

    def run(*args: object, output: str = "tokens") -> Path:
        folder = tmp_path / output
        words = ("--jobs", 0, "--checkpoint", toy_checkpoint)
        result = nsvq("tokens", *args, "-o", folder, *words)
        assert result.exit_code == 0, result.stderr
        return folder

    return run
