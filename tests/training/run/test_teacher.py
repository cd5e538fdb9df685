"""Decoded speech as the goal of a phase."""

from dataclasses import replace
from pathlib import Path

import pytest

from codec.errors import CheckpointError, TrainingError
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
        vbr_share=0.5,
        lost_share=1.0,
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
    assert run.start_from(checkpoint)  # which writes the encoder otherwise, too
    run.state.model.decoder.linear.weight.data *= 0.9
    losses = [run.train_step()["complex"] for _ in range(30)]
    assert sum(losses[-5:]) < 0.6 * sum(losses[:5])


def test_what_a_teacher_was_trained_on_is_handed_on(
    corpus: Corpus, recipe: Recipe, checkpoint: str
) -> None:
    run = Run(taught(recipe, checkpoint), corpus)
    run.start_from(checkpoint)
    run.taught_before.clear()
    assert "mel" not in run.trained_on
    run.train_step()
    assert "mel" in run.trained_on


def test_a_run_with_a_teacher_goes_on_to_the_same_bits(
    corpus: Corpus, recipe: Recipe, checkpoint: str, tmp_path: Path
) -> None:
    runs = [Run(taught(recipe, checkpoint), corpus) for _ in range(2)]
    runs[0].start_from(checkpoint)
    runs[0].state.model.decoder.linear.weight.data *= 0.9
    runs[0].train_step()
    runs[0].save(tmp_path / "state.safetensors")
    runs[1].resume(tmp_path / "state.safetensors")
    assert runs[0].train_step() == runs[1].train_step()


def test_a_teacher_that_is_not_there_is_missed_before_the_first_step(
    corpus: Corpus, recipe: Recipe
) -> None:
    later = replace(recipe, phases=(*recipe.phases, taught(recipe, "gone.safetensors").phases[0]))
    run = Run(later, corpus)
    run.start()
    with pytest.raises(CheckpointError, match=r"gone\.safetensors"):
        run.train_step()
    assert run.state.step == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hop": 160}, "its hop is 320; expected 160"),
        ({"num_stages": 5}, "it has 4 stages; expected 5 or more"),
    ],
)
def test_a_teacher_that_hears_or_codes_otherwise(
    corpus: Corpus, recipe: Recipe, checkpoint: str, changes: dict[str, int], message: str
) -> None:
    run = Run(taught(replace(recipe, model=replace(recipe.model, **changes)), checkpoint), corpus)
    with pytest.raises(TrainingError, match=message):
        run.train_step()


def test_codes_that_stay_must_be_the_teachers(
    corpus: Corpus, recipe: Recipe, checkpoint: str
) -> None:
    run = Run(taught(recipe, checkpoint), corpus)
    run.start_from(checkpoint)
    run.state.model.quantizer.codebooks.data[1] += 0.1
    with pytest.raises(TrainingError, match=r"codes aren't the learner's; .*--from"):
        run.train_step()
