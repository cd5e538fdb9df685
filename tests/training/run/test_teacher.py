"""Decoded speech as the goal of a phase."""

from dataclasses import replace
from pathlib import Path

import pytest

from codec.errors import CheckpointError
from training.corpora import Corpus
from training.recipe import PhaseConfig, Recipe
from training.run.run import Run


def taught(recipe: Recipe, teacher: str) -> Recipe:
    phase = PhaseConfig(
        steps=30,
        learning_rate=1e-2,
        warmup_steps=1,
        train=("decoder",),
        substitute="hard",
        teacher=teacher,
        losses={"complex": 1.0},
        replace_until=0.0,
    )
    return replace(recipe, phases=(phase,))


@pytest.fixture
def checkpoint(corpus: Corpus, recipe: Recipe, tmp_path: Path) -> str:
    run = Run(recipe, corpus)
    run.start()
    run.export(tmp_path / "teacher.safetensors")
    return str(tmp_path / "teacher.safetensors")


def test_a_learner_that_is_its_teacher_has_nothing_to_learn(
    corpus: Corpus, recipe: Recipe, checkpoint: str
) -> None:
    losses = {}
    for teacher in ("", checkpoint):
        run = Run(taught(recipe, teacher), corpus)
        run.start_from(checkpoint)
        losses[teacher] = run.train_step()["complex"]
    assert losses[checkpoint] < 1e-6
    assert losses[""] > 1e-3


def test_a_learner_comes_nearer_to_its_teacher(
    corpus: Corpus, recipe: Recipe, checkpoint: str
) -> None:
    narrow = replace(recipe.model, decoder_hidden=(4,) * len(recipe.model.decoder_lookahead))
    run = Run(taught(replace(recipe, model=narrow), checkpoint), corpus)
    assert run.start_from(checkpoint)
    run.state.model.decoder.linear.weight.data *= 0.9
    losses = [run.train_step()["complex"] for _ in range(30)]
    assert sum(losses[-5:]) < 0.6 * sum(losses[:5])


def test_what_a_teacher_was_trained_on_is_handed_on(
    corpus: Corpus, recipe: Recipe, checkpoint: str
) -> None:
    run = Run(taught(recipe, checkpoint), corpus)
    run.start()
    assert "mel" not in run.trained_on
    run.train_step()
    assert "mel" in run.trained_on


def test_a_teacher_that_is_not_there(corpus: Corpus, recipe: Recipe) -> None:
    with pytest.raises(CheckpointError, match=r"gone\.safetensors"):
        Run(taught(recipe, "gone.safetensors"), corpus)
