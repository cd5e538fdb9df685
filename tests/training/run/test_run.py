"""A run learns what its phase says, and goes on to the same bits wherever it is killed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from codec.backends.torch_checkpoint import load_checkpoint
from codec.errors import ConfigError, OutputError, TrainingError
from training.corpora import Corpus
from training.objective.losses import LOSSES
from training.recipe import Recipe
from training.run.run import Run
from training.run.state_file import load_state, save_state


def finish(run: Run) -> dict[str, torch.Tensor]:
    while run.state.step < run.recipe.num_steps:
        run.train_step()
    return {name: value.clone() for name, value in run.state.model.state_dict().items()}


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
    while run.state.step < recipe.num_steps:
        if run.state.step in kills:
            run.save(tmp_path / "state")
            run.train_step()  # lost with the kill
            run = Run(recipe, corpus)
            run.resume(tmp_path / "state")
        run.train_step()
    found = run.state.model.state_dict()
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
    before = {name: value.clone() for name, value in run.state.model.state_dict().items()}
    run.train_step()
    assert run.state.learner.phase.name == "hard"
    after = run.state.model.state_dict()
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
    features = started.state.model.spectrum.analyse(started.batches.draw(0))

    def error(run: Run) -> float:
        with torch.no_grad():
            rebuilt, _ = run.state.model.decoder(run.state.model.encoder(features))
        return float((rebuilt - features).square().mean())

    assert error(started) < 0.5 * error(random)


def changed(recipe: Recipe, **settings: object) -> Recipe:
    return replace(recipe, model=replace(recipe.model, **settings))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "settings", [{"trunk_width": 24}, {"encoder_lookahead": (2,)}, {"compression": 0.4}]
)
def test_a_state_of_another_model_is_refused(
    recipe: Recipe, corpus: Corpus, tmp_path: Path, settings: dict
) -> None:
    Run(recipe, corpus).save(tmp_path / "state")
    with pytest.raises(TrainingError, match=f"another model: model.{next(iter(settings))}"):
        Run(changed(recipe, **settings), corpus).resume(tmp_path / "state")


def test_a_checkpoint_of_another_model_is_no_start(
    recipe: Recipe, corpus: Corpus, tmp_path: Path
) -> None:
    Run(recipe, corpus).export(tmp_path / "weights.safetensors")
    other = Run(changed(recipe, trunk_width=24), corpus)
    with pytest.raises(TrainingError, match="trunk_width was 16, is 24"):
        other.start_from(str(tmp_path / "weights.safetensors"))


def test_a_checkpoint_with_other_look_aheads_is_a_start(
    recipe: Recipe, corpus: Corpus, tmp_path: Path
) -> None:
    Run(recipe, corpus).export(tmp_path / "weights.safetensors")
    other = Run(changed(recipe, decoder_lookahead=(0,)), corpus)
    other.start_from(str(tmp_path / "weights.safetensors"))
    assert other.started


def test_a_state_says_what_the_recipe_has_otherwise(
    recipe: Recipe, corpus: Corpus, tmp_path: Path
) -> None:
    Run(recipe, corpus).save(tmp_path / "state")
    assert Run(recipe, corpus).resume(tmp_path / "state") == []
    other = Run(replace(recipe, seed=3), corpus)
    assert other.resume(tmp_path / "state") == ["seed was 0, is 3"]


def test_a_damaged_or_foreign_state_is_refused(
    recipe: Recipe, corpus: Corpus, tmp_path: Path
) -> None:
    run, path = Run(recipe, corpus), tmp_path / "state"
    run.save(tmp_path / "whole")
    tensors, header = load_state(tmp_path / "whole")
    data = (tmp_path / "whole").read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(TrainingError, match="can't be read"):
        run.resume(path)
    run.export(path)
    with pytest.raises(TrainingError, match="not a training state"):
        run.resume(path)
    for name in (
        "model.quantizer.codebooks",
        "average.encoder.linear.weight",
        "counts.usage.batches",
    ):
        save_state(path, {n: value for n, value in tensors.items() if n != name}, header)
        with pytest.raises(TrainingError, match="doesn't fit"):
            run.resume(path)
    save_state(path, tensors, {"recipe": header["recipe"]})
    with pytest.raises(TrainingError, match="doesn't fit"):
        run.resume(path)
    for step in (-5, 1.5, "3"):
        save_state(path, tensors, header | {"step": step})
        with pytest.raises(TrainingError, match="expected 0 or more"):
            run.resume(path)


def test_a_state_with_tensors_of_another_shape_is_refused(
    recipe: Recipe, corpus: Corpus, tmp_path: Path
) -> None:
    """Moments and counts of one number would otherwise be stretched over all parameters."""
    run, path = Run(recipe, corpus), tmp_path / "state"
    run.start()
    for _ in range(2):
        run.train_step()
    run.save(path)
    tensors, header = load_state(path)
    wrong = [
        next(n for n in tensors if n.startswith("optimizer.exp_avg.")),
        next(n for n in tensors if n.startswith("optimizer.step.")),
        "counts.usage.batches",
    ]
    for name in wrong:
        stretched = torch.ones(1, 1, 1, 1, dtype=tensors[name].dtype)
        save_state(path, tensors | {name: stretched}, header)
        with pytest.raises(TrainingError, match="doesn't fit"):
            Run(recipe, corpus).resume(path)


def test_a_state_that_cannot_be_written_is_one_named_error(
    recipe: Recipe, corpus: Corpus, tmp_path: Path
) -> None:
    run = Run(recipe, corpus)
    for write in (run.save, run.export):
        with pytest.raises(OutputError, match="can't be written"):
            write(tmp_path / "missing" / "file")


def test_a_step_whose_gradients_are_not_finite_is_skipped(
    recipe: Recipe, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(recipe, corpus)
    run.start()
    assert run.train_step()["skipped"] == 0.0
    weights = run.state.model.decoder.linear.weight.clone()
    monkeypatch.setitem(LOSSES, "mel", lambda wave, target: (wave * torch.nan).sum())
    assert run.train_step()["skipped"] == 1.0
    assert torch.equal(run.state.model.decoder.linear.weight, weights)
    monkeypatch.undo()
    assert run.train_step()["skipped"] == 0.0
    assert not torch.equal(run.state.model.decoder.linear.weight, weights)


def test_a_device_that_is_not_there_is_named(recipe: Recipe, corpus: Corpus) -> None:
    with pytest.raises(ConfigError, match="abacus"):
        Run(recipe, corpus, "abacus")


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
    kept = again.state.model.state_dict()
    assert all(torch.equal(kept[name], value) for name, value in model.state_dict().items())


def test_a_replaced_codeword_moves_in_the_average_at_once(
    recipe: Recipe, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.run.step.REPLACE_EVERY", 1)
    monkeypatch.setattr("training.run.step.REPLACE_WINDOW", 0.0)
    run = Run(recipe, corpus)
    run.start()
    lost = torch.full_like(run.state.model.quantizer.codebooks[0, 0], 1e3)  # no latent is near
    with torch.no_grad():
        run.state.model.quantizer.codebooks[0, 0] = lost
        run.state.average.quantizer.codebooks[0, 0] = lost
    run.train_step()
    assert run.state.replaced
    assert float(run.state.average.quantizer.codebooks[0, 0].abs().max()) < 100.0


def test_a_phase_can_begin_with_new_codebooks(recipe: Recipe, corpus: Corpus) -> None:
    phase = replace(recipe.phases[0], refit_from=2, learning_rate=1e-9)
    run = Run(replace(recipe, phases=(phase,)), corpus)
    run.start()
    both = (run.state.model, run.state.average)
    kept = both[0].quantizer.codebooks[0].clone()
    with torch.no_grad():
        for model in both:
            model.quantizer.codebooks[1:] = 1e3
    run.train_step()
    for model in both:
        assert float(model.quantizer.codebooks[1:].abs().max()) < 100.0
        torch.testing.assert_close(model.quantizer.codebooks[0], kept, rtol=0.0, atol=0.1)


def test_a_checkpoint_says_what_it_was_trained_on(
    recipe: Recipe, corpus: Corpus, tmp_path: Path
) -> None:
    first = Run(recipe, corpus)
    assert first.trained_on == {"mel"}
    first.taught_before = {"pesq"}
    first.export(tmp_path / "weights.safetensors")
    second = Run(recipe, corpus)
    second.start_from(str(tmp_path / "weights.safetensors"))
    assert second.trained_on == {"mel", "pesq"}
    second.save(tmp_path / "state")
    third = Run(recipe, corpus)
    third.resume(tmp_path / "state")
    assert third.trained_on == {"mel", "pesq"}
