"""What a stage is worth: counts by hand, gains paired by clip, the verb on real clips."""

import json
import math
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from app.cli import cli
from codec import Codec
from codec.audio import read_audio
from training.evaluation.jobs.rows import Row
from training.evaluation.statistics.stages import count_codes, describe_stages


def test_codes_are_counted_by_stage() -> None:
    codes = torch.tensor([[0, 0, 2], [1, 1, 1]])
    assert count_codes(codes, 3).tolist() == [[2, 0, 1], [0, 3, 0]]


def test_a_stage_adds_what_it_adds_to_the_same_clip(toy_checkpoint: Path) -> None:
    codec = Codec.load(toy_checkpoint)
    scores = {"a": (1.0, 1.5, 1.4, 1.6), "b": (3.0, 3.5, 3.4, 3.6), "lacks one": (9.0, 9.0, 9.0)}
    rows = [
        Row("toy", kbps, clip, scores={"pesq_wb": value})
        for clip, values in scores.items()
        for kbps, value in zip(codec.bitrates_kbps, values, strict=False)
    ]
    codes = torch.arange(64).repeat(4, 2)
    codes[3] = 7
    stages = describe_stages(codec, codes, rows, ["pesq_wb", "stoi"])
    assert [stage.perplexity for stage in stages] == pytest.approx([64, 64, 64, 1], rel=1e-5)
    assert [stage.used_share for stage in stages] == [1, 1, 1, 1 / 64]
    gains = [stage.gains["pesq_wb"] for stage in stages]
    assert [gain.mean for gain in gains] == pytest.approx([2.0, 2.5, 2.4, 2.6])
    assert math.isnan(gains[0].added)
    assert [gain.added for gain in gains[1:]] == pytest.approx([0.5, -0.1, 0.2])
    assert gains[1].low == pytest.approx(0.5)
    assert gains[1].n == 2
    assert stages[0].gains["stoi"].n == 0


def test_the_verb_counts_real_clips(toy_checkpoint: Path, clip: Path, tmp_path: Path) -> None:
    common = ["stages", "--checkpoint", str(toy_checkpoint), "--data", str(clip), "--jobs", "0"]
    common += ["--cache", str(tmp_path)]
    told = CliRunner().invoke(cli, [*common, "--json"])
    assert told.exit_code == 0, told.output
    stages = json.loads(told.stdout)
    assert [stage["number"] for stage in stages] == [1, 2, 3, 4]
    assert stages[0]["gains"]["pesq_wb"]["added"] is None
    assert stages[0]["gains"]["stoi"]["n"] == 1
    rows = [json.loads(path.read_text()) for path in tmp_path.rglob("*.json")]
    codec, (wave, rate) = Codec.load(toy_checkpoint), read_audio(clip)
    for row in rows:
        constant = codec.compress(wave, rate, row["nominal_kbps"], vbr=False)
        assert row["kbps"] == pytest.approx(8e-3 * len(constant) / row["seconds"])
    assert len(rows) == 4
    table = CliRunner().invoke(cli, common)
    assert "perplexity of at least half the codebook: " in table.stdout
    assert "pesq_wb grows with " in table.stdout
