"""The loop: it logs, validates, exports, stops when told and goes on; several processes agree."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from app.verbs.train import command
from codec.checkpoint import load_checkpoint
from training.corpora import Corpus
from training.fit import BEST, LAST, LOG, STATE, FitOptions, fit
from training.recipe import Recipe
from training.run import Run
from training.state import load_state
from training.validate import validation_clips

TOML = """
[model]
trunk_width = 16
latent_width = 8
num_stages = 4
codebook_size = 16
encoder_lookahead = [1]
decoder_lookahead = [1]
[data]
batch_size = 4
crop_s = 0.32
stage_shares = { 4 = 1 }
[[phases]]
steps = 6
substitute = "hard"
losses = { mel = 1.0, complex = 5.0 }
"""


def test_a_run_leaves_log_state_and_checkpoints(
    recipe: Recipe, corpus: Corpus, tmp_path: Path
) -> None:
    clips = validation_clips(corpus, 2)
    fit(Run(recipe, corpus), tmp_path, clips, [1, 4], FitOptions(log_every=4))
    lines = [json.loads(line) for line in (tmp_path / LOG).read_text().splitlines()]
    assert [line["step"] for line in lines] == [4, 8, 12, 12]
    assert {"mel", "latent", "steps_per_s", "replaced"} <= set(lines[0])
    assert {"pesq_wb/0.2kbps", "stoi/0.8kbps"} <= set(lines[-1])
    assert list((tmp_path / "tensorboard").iterdir())
    for name in (BEST, LAST):
        assert load_checkpoint(tmp_path / name)[0].config == recipe.model


def test_stopped_in_time_it_goes_on_to_the_same_end(
    recipe: Recipe, corpus: Corpus, tmp_path: Path
) -> None:
    fit(Run(recipe, corpus), tmp_path / "whole", [], [4])
    starts = 0
    while starts == 0 or load_state(tmp_path / "parts" / STATE)[1]["step"] < recipe.num_steps:
        fit(Run(recipe, corpus), tmp_path / "parts", [], [4], FitOptions(stop_after_s=0.05))
        starts += 1
    assert starts > 1
    whole, parts = (load_checkpoint(tmp_path / name / LAST)[0] for name in ("whole", "parts"))
    for name, value in whole.state_dict().items():
        assert torch.equal(parts.state_dict()[name], value), name


def test_the_verb_trains_and_its_dry_run_only_tells(corpus_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(TOML)
    common = ["--recipe", str(tmp_path / "tiny.toml"), "--data", str(corpus_folder)]
    told = CliRunner().invoke(command, [*common, "--dry-run", "-o", str(tmp_path / "dry")])
    assert told.exit_code == 0, told.output
    assert "parameters" in told.output
    assert "0.2 to 0.8 kbps" in told.output
    assert not (tmp_path / "dry").exists()
    done = CliRunner().invoke(command, [*common, "-o", str(tmp_path / "run")])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "run" / LAST).exists()


@pytest.mark.slow
def test_two_processes_train_as_one(corpus_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(TOML.replace("steps = 6", "steps = 3"))
    common = [
        "-m",
        "app",
        "train",
        "--recipe",
        str(tmp_path / "tiny.toml"),
        "--data",
        str(corpus_folder),
    ]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    torchrun = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--nproc-per-node",
        "2",
        "--master-port",
        "29611",
    ]
    for start, name in (([sys.executable], "one"), (torchrun, "two")):
        subprocess.run(
            [*start, *common, "-o", str(tmp_path / name)],
            check=True,
            timeout=300,
            env=environment,
            capture_output=True,
        )
    one, two = (load_checkpoint(tmp_path / name / LAST)[0].state_dict() for name in ("one", "two"))
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=2e-3, atol=2e-4)
