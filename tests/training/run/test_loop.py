"""The loop: it logs, validates, exports, stops when told and goes on; several processes agree."""

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from app.verbs.train import command
from codec.backends.torch_checkpoint import load_checkpoint
from codec.errors import TrainingError
from training.corpora import Corpus
from training.recipe import Recipe
from training.run.log import LOG
from training.run.loop import BEST, LAST, STATE, FitOptions, fit
from training.run.signals import SIGNALS, held_back
from training.run.state import Run
from training.run.state_file import load_state, save_state
from training.run.validation import validation_clips

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
    assert {"mel", "latent", "steps_per_s", "replaced", "learning_rate"} <= set(lines[0])
    assert [line["phase"] for line in lines[:3]] == [0, 1, 2]
    assert {"pesq_wb/0.2kbps", "stoi/0.8kbps"} <= set(lines[-1])
    for stage in ("stage01", "stage04"):
        assert 1.0 <= lines[-1][f"perplexity/{stage}"] <= 16.0
        assert 0.0 < lines[-1][f"used/{stage}"] <= 1.0
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
    assert "phase 0, noise" in told.output
    assert "6 steps, " in told.output
    assert not (tmp_path / "dry").exists()
    done = CliRunner().invoke(command, [*common, "-o", str(tmp_path / "run")])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "run" / LAST).exists()


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_in_the_middle_of_a_step_waits_for_its_end(
    recipe: Recipe,
    corpus: Corpus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
) -> None:
    class Stopped(BaseException):
        pass

    def stop(number: int, frame: object) -> None:
        raise Stopped

    fit(Run(recipe, corpus), tmp_path / "whole", [], [4])
    run, before = Run(recipe, corpus), signal.signal(number, stop)
    average = run.update_average

    def interrupted() -> None:
        if run.step == 8:
            signal.raise_signal(number)
        average()

    monkeypatch.setattr(run, "update_average", interrupted)
    said: list[str] = []
    try:
        with pytest.raises(Stopped):
            fit(run, tmp_path / "parts", [], [4], say=said.append)
    finally:
        assert signal.signal(number, before) is stop
    assert said[-1].startswith("step 8 of 12")
    assert not (tmp_path / "parts" / LAST).exists()
    fit(Run(recipe, corpus), tmp_path / "parts", [], [4], say=said.append)
    assert any("goes on from step 8" in line for line in said)
    whole, parts = (load_state(tmp_path / name / STATE)[0] for name in ("whole", "parts"))
    assert all(torch.equal(parts[name], value) for name, value in whole.items())


def test_the_same_signal_again_does_not_wait() -> None:
    def block() -> None:
        with held_back() as asked:
            signal.raise_signal(signal.SIGINT)
            assert asked()
            signal.raise_signal(signal.SIGINT)
            raise AssertionError("the block should have ended")

    # a runner in the background of a shell has SIGINT ignored
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            block()
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_error_in_a_step_leaves_the_last_whole_state(
    recipe: Recipe, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit(Run(recipe, corpus), tmp_path, [], [4], FitOptions(stop_after_s=0.0))
    kept = (tmp_path / STATE).read_bytes()
    run = Run(recipe, corpus)
    monkeypatch.setattr(run, "update_average", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        fit(run, tmp_path, [], [4])
    assert (tmp_path / STATE).read_bytes() == kept


def test_the_log_is_json_whatever_a_loss_was(
    recipe: Recipe, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(recipe, corpus)
    infinite = {"mel": float("inf"), "gradient_norm": float("nan"), "skipped": 1.0}
    step, real = iter(range(12)), run.train_step
    monkeypatch.setattr(
        run, "train_step", lambda: real() | (infinite if next(step) in (1, 4, 5) else {})
    )
    fit(run, tmp_path, [], [4], FitOptions(log_every=2))

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    text = (tmp_path / LOG).read_text()
    lines = [json.loads(line, parse_constant=refuse) for line in text.splitlines()]
    assert [line["skipped"] for line in lines] == [1, 0, 2, 0, 0, 0]
    assert ["mel" in line for line in lines] == [True, True, False, True, True, True]


def test_a_log_cut_by_a_power_cut_is_gone_on_with(
    recipe: Recipe, corpus: Corpus, tmp_path: Path
) -> None:
    clips = validation_clips(corpus, 1)
    (tmp_path / LOG).write_text('{"step": 3, "pesq_wb/0.8kbps": 4.5}\n{"step": 5, "pes')
    options = FitOptions(watched="pesq_wb/0.8kbps")
    fit(Run(recipe, corpus), tmp_path, clips, [4], options)
    assert not (tmp_path / BEST).exists()  # 4.5 was better


def test_no_clip_long_enough_to_validate_on_is_an_error(corpus: Corpus) -> None:
    short = replace(corpus, clips=tuple(clip[:8_000] for clip in corpus.clips))
    with pytest.raises(TrainingError, match="at least 2 s"):
        validation_clips(short, 4)


def test_weights_to_start_from_yield_to_a_run_that_is_there(
    corpus_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "tiny.toml").write_text(TOML)
    common = ["--recipe", str(tmp_path / "tiny.toml"), "--data", str(corpus_folder)]
    common += ["-o", str(tmp_path / "run")]
    stopped = CliRunner().invoke(command, [*common, "--minutes", "0"])
    assert "step 0 of 6" in stopped.output
    changed = [*common, "--from", str(tmp_path / "run" / LAST), "--set", "seed=1"]
    resumed = CliRunner().invoke(command, changed)
    assert resumed.exit_code == 0, resumed.output
    assert "is for a new one" in resumed.output
    assert "seed was 0, is 1" in resumed.output
    fresh = CliRunner().invoke(command, [*changed, "-o", str(tmp_path / "other")])
    assert fresh.exit_code == 0, fresh.output
    assert "goes on" not in fresh.output


def test_what_is_not_trained_on_is_said(corpus_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(TOML)
    told = CliRunner().invoke(
        command,
        [
            *("--recipe", str(tmp_path / "tiny.toml"), "--data", str(corpus_folder), "--dry-run"),
            *("--set", "data.shares.talks=1"),
        ],
    )
    assert told.exit_code == 0, told.output
    assert "not trained on, without a share in the recipe: reads" in told.output


PHASES = """
[[phases]]
steps = 3
substitute = "none"
[[phases]]
steps = 3
substitute = "straight"
losses = { mel = 1.0, complex = 5.0 }
[[phases]]
steps = 3
train = ["decoder"]
substitute = "hard"
losses = { mel = 1.0, complex = 5.0 }
"""


@pytest.mark.slow
@pytest.mark.parametrize("learning", ["ema", "gradient"])
def test_two_processes_train_as_one(learning: str, corpus_folder: Path, tmp_path: Path) -> None:
    """Noise alone is drawn by each process for itself, so a phase with noise isn't here."""
    model, _, _ = TOML.partition("[[phases]]")
    recipe = f'codebook_learning = "{learning}"\n{model}{PHASES}'
    (tmp_path / "tiny.toml").write_text(recipe.replace("{ 4 = 1 }", "{ 4 = 1, 2 = 1 }"))
    train = ["-m", "app", "train", "--recipe", str(tmp_path / "tiny.toml")]
    train += ["--data", str(corpus_folder)]
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    for start, name in (([], "one"), (torchrun, "two")):
        subprocess.run(
            [sys.executable, *start, *train, "-o", str(tmp_path / name)],
            check=True,
            timeout=600,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            capture_output=True,
        )
    one, two = (load_state(tmp_path / name / STATE)[0] for name in ("one", "two"))
    for name, value in one.items():
        if name.startswith("model."):
            torch.testing.assert_close(two[name], value, rtol=1e-3, atol=1e-4)


def test_two_runs_in_one_folder_are_refused(recipe: Recipe, corpus: Corpus, tmp_path: Path) -> None:
    refused = []

    def say(line: str) -> None:
        if not refused:
            with pytest.raises(TrainingError, match="another run is at work") as caught:
                fit(Run(recipe, corpus), tmp_path, [], [4])
            refused.append(str(caught.value))

    fit(Run(recipe, corpus), tmp_path, [], [4], say=say)
    assert str(tmp_path) in refused[0]
    assert not list(tmp_path.glob("*.partial"))
    fit(Run(recipe, corpus), tmp_path, [], [4])  # the lock went with the run


def test_states_saved_at_once_into_one_folder_never_mix(
    recipe: Recipe, corpus: Corpus, tmp_path: Path
) -> None:
    path = tmp_path / STATE
    states = [
        {f"{n}": torch.full((200_000,), float(value)) for n in range(4)} for value in range(2)
    ]
    threads = [
        threading.Thread(target=lambda s=s: [save_state(path, s, {}) for _ in range(20)])
        for s in states
    ]
    save_state(path, states[0], {})
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        values = {float(v) for tensor in load_state(path)[0].values() for v in tensor.unique()}
        assert len(values) == 1
