"""A run learns what its phase says, and goes on to the same bits wherever it is killed."""

from pathlib import Path

import numpy as np
import pytest
import torch

from codec.checkpoint import load_checkpoint
from codec.errors import TrainingError
from training.corpora import Corpus
from training.recipe import Recipe
from training.run import Run
from training.state import load_state


def finish(run: Run) -> dict[str, torch.Tensor]:
    while run.step < run.recipe.num_steps:
        run.train_step()
    return {name: value.clone() for name, value in run.model.state_dict().items()}


def test_killed_anywhere_it_ends_at_the_same_bits(
    recipe: Recipe, corpus: Corpus, tmp_path: Path
) -> None:
    whole = Run(recipe, corpus)
    whole.start()
    expected = finish(whole)
    whole.save(tmp_path / "whole")

    rng = np.random.default_rng(0)
    kills = set(rng.choice(recipe.num_steps, 10, replace=False).tolist())
    run = Run(recipe, corpus)
    run.start()
    while run.step < recipe.num_steps:
        if run.step in kills:
            run.save(tmp_path / "state")
            run.train_step()  # lost with the kill
            run = Run(recipe, corpus)
            run.resume(tmp_path / "state")
        run.train_step()
    found = run.model.state_dict()
    assert all(torch.equal(found[name], value) for name, value in expected.items())
    run.save(tmp_path / "resumed")
    first, second = load_state(tmp_path / "whole")[0], load_state(tmp_path / "resumed")[0]
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_phase_trains_only_its_parts(recipe: Recipe, corpus: Corpus) -> None:
    run = Run(recipe, corpus)
    run.start()
    for _ in range(6):
        run.train_step()
    before = {name: value.clone() for name, value in run.model.state_dict().items()}
    run.train_step()
    assert run.phase.name == "hard"
    after = run.model.state_dict()
    changed = {name.split(".")[0] for name in after if not torch.equal(after[name], before[name])}
    assert changed == {"decoder"}


def test_learning_lowers_the_loss(recipe: Recipe, corpus: Corpus) -> None:
    phase = {**vars(recipe.phases[0]), "steps": 60, "learning_rate": 3e-3}
    longer = type(recipe)(**{**vars(recipe), "phases": (type(recipe.phases[0])(**phase),)})
    run = Run(longer, corpus)
    run.start()
    losses = [run.train_step()["mel"] for _ in range(60)]
    assert np.mean(losses[-10:]) < 0.9 * np.mean(losses[:10])


def test_the_linear_start_codes_better_than_random_weights(recipe: Recipe, corpus: Corpus) -> None:
    wide = type(recipe.model)(**{**recipe.model.to_dict(), "latent_width": 64})
    random, started = (Run(type(recipe)(**{**vars(recipe), "model": wide}), corpus) for _ in "ab")
    started.start()
    features = started.model.spectrum.analyse(started.batches.draw(0))

    def error(run: Run) -> float:
        with torch.no_grad():
            rebuilt = run.model.decoder(run.model.encoder(features))
        return float((rebuilt - features).square().mean())

    assert error(started) < 0.5 * error(random)


def test_a_state_of_another_model_is_refused(
    recipe: Recipe, corpus: Corpus, tmp_path: Path
) -> None:
    Run(recipe, corpus).save(tmp_path / "state")
    wider = type(recipe.model)(**{**recipe.model.to_dict(), "trunk_width": 24})
    other = Run(type(recipe)(**{**vars(recipe), "model": wider}), corpus)
    with pytest.raises(TrainingError, match="another model"):
        other.resume(tmp_path / "state")


def test_a_damaged_state_is_refused(recipe: Recipe, corpus: Corpus, tmp_path: Path) -> None:
    run = Run(recipe, corpus)
    run.save(tmp_path / "state")
    data = (tmp_path / "state").read_bytes()
    (tmp_path / "state").write_bytes(data[: len(data) // 2])
    with pytest.raises(TrainingError, match="can't be read"):
        run.resume(tmp_path / "state")


def test_an_export_is_a_checkpoint_that_can_be_started_from(
    recipe: Recipe, corpus: Corpus, tmp_path: Path
) -> None:
    run = Run(recipe, corpus)
    run.start()
    run.train_step()
    path = tmp_path / "weights.safetensors"
    run.export(path, {"title": "a test"})
    model, _, header = load_checkpoint(path)
    assert model.config == recipe.model
    assert header["title"] == "a test"
    again = Run(recipe, corpus)
    again.start_from(str(path))
    again.start()
    kept = again.model.state_dict()
    assert all(torch.equal(kept[name], value) for name, value in model.state_dict().items())
