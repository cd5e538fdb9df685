"""Discriminators: they learn, they teach, they see all of the wave, a run with them resumes."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from codec.errors import ConfigError
from training.corpora import Corpus
from training.objective.adversary import Adversary
from training.objective.discriminators import DISCRIMINATORS
from training.objective.objective import Objective
from training.recipe import PhaseConfig, Recipe, load_recipe
from training.run.run import Run
from training.run.state_file import tensors_of

SMALL = ("spectrum256", "period3")


@pytest.fixture
def voice() -> torch.Tensor:
    """A buzz with breath. Shape: [2, 1, 4096]."""
    torch.manual_seed(0)
    time = torch.arange(4_096) / 16_000
    buzz = sum(torch.sin(2 * torch.pi * 120 * n * time) / n for n in range(1, 20))
    return 0.05 * (buzz + 0.2 * torch.randn(2, 1, 4_096))


def adversarial(recipe: Recipe) -> Recipe:
    """The toy recipe with a refiner, and discriminators from its fourth step on."""
    model = replace(recipe.model, refiner_lookahead=(1,), refiner_width=8)
    told = {
        "losses": {"mel": 1.0, "adversarial": 1.0, "features": 1.0},
        "discriminators": SMALL,
        "substitute": "towards",
    }
    phases = (PhaseConfig(steps=3), PhaseConfig(steps=6, **told))  # type: ignore[arg-type]
    return replace(recipe, model=model, phases=phases)


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_scores_depend_on_every_part_of_the_wave(name: str, voice: torch.Tensor) -> None:
    torch.manual_seed(0)
    wave = voice.clone().requires_grad_()
    DISCRIMINATORS[name]()(wave).scores.square().sum().backward()
    assert wave.grad is not None
    pieces = wave.grad.abs().view(2, -1, 256).amax(-1)
    assert (pieces > 0).all()


@pytest.mark.parametrize("name", ["spectrum512", "spectrum256"])
def test_a_discriminator_learns_to_tell_breath_from_its_absence(
    name: str, voice: torch.Tensor
) -> None:
    torch.manual_seed(0)
    flat = torch.nn.functional.avg_pool1d(voice, 5, 1, 2)
    adversary = Adversary([name], 2e-3)
    costs = []
    for _ in range(25):
        terms = adversary.terms(flat, voice)
        adversary.learn(terms.discriminator)
        costs.append(float(terms.discriminator.detach()))
    assert min(costs[-5:]) < 0.5 * costs[0]
    assert min(costs[-5:]) < 0.4  # one that guesses has 0.5


def test_real_speech_costs_no_features(voice: torch.Tensor) -> None:
    torch.manual_seed(0)
    terms = Adversary(SMALL, 1e-3).terms(voice, voice)
    assert float(terms.features.detach()) == 0.0


def test_an_objective_sends_the_gradient_of_its_weighted_sum(voice: torch.Tensor) -> None:
    torch.manual_seed(0)
    adversary = Adversary(SMALL, 1e-3)
    weights = {"mel": 2.0, "adversarial": 3.0, "features": 0.5}
    told = Objective(weights, adversary).tell(0.5 * voice, voice)
    alone = [
        Objective({name: weight}, adversary).tell(0.5 * voice, voice).gradient
        for name, weight in weights.items()
    ]
    difference = told.gradient - sum(alone)
    assert float(difference.norm()) < 0.01 * float(told.gradient.norm())  # layers are in bfloat16
    assert set(told.values) == set(weights)
    assert told.discriminator is not None


def test_a_run_with_discriminators_resumes_to_the_same_bits(
    recipe: Recipe, corpus: Corpus, tmp_path: Path
) -> None:
    whole = Run(adversarial(recipe), corpus)
    whole.start()
    for _ in range(9):
        if whole.state.step == 5:
            whole.save(tmp_path / "state")
        told = whole.train_step()
    again = Run(adversarial(recipe), corpus)
    assert again.resume(tmp_path / "state") == []
    while again.state.step < 9:
        told_again = again.train_step()
    assert told_again == told
    expected, found = tensors_of(whole.state), tensors_of(again.state)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], value) for name, value in expected.items())


def test_a_run_resumes_between_two_phases_with_its_discriminators(
    recipe: Recipe, corpus: Corpus, tmp_path: Path
) -> None:
    recipe = adversarial(recipe)
    more = replace(recipe.phases[1], discriminators=(*SMALL, "period5"), steps=3)
    recipe = replace(recipe, phases=(*recipe.phases, more))
    whole = Run(recipe, corpus)
    whole.start()
    while whole.state.step < 11:
        if whole.state.step == 9:  # the second phase is over, the third has not begun
            whole.save(tmp_path / "state")
        told = whole.train_step()
    again = Run(recipe, corpus)
    again.resume(tmp_path / "state")
    again.train_step()
    assert again.train_step() == told


def test_discriminators_outlive_a_phase_that_has_the_same(recipe: Recipe, corpus: Corpus) -> None:
    recipe = adversarial(recipe)
    run = Run(replace(recipe, phases=(recipe.phases[1], recipe.phases[1])), corpus)
    run.start()
    run.train_step()
    first = run.state.learner.adversary
    run.state.step = recipe.phases[1].steps
    run.train_step()
    assert run.state.learner.adversary is first is not None


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ('phases.0.discriminators=["period4"]', "discriminators"),
        ('phases.0.discriminators=["period3"]', "discriminators"),
        ("phases.0.losses={adversarial=1.0}", "discriminators"),
        ("phases.0.rates={nose=1.0}", "rates"),
        ("phases.0.rates={quantizer=0.5}", "rates"),
        ('phases.0.train=["refiner"]', "train"),
        ("phases.0.discriminator_rate=0", "discriminator_rate"),
        ("phases.0.discriminators_per_step=1", "discriminators_per_step"),
    ],
)
def test_settings_that_no_run_could_work_with(change: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        load_recipe("trial", [change])


def test_only_discriminators_that_are_drawn_learn_from_a_step(
    recipe: Recipe, corpus: Corpus
) -> None:
    told = replace(adversarial(recipe).phases[1], discriminators_per_step=1, steps=8)
    run = Run(replace(recipe, phases=(told,)), corpus)
    run.start()
    drawn = []
    for _ in range(told.steps):
        before = {name: member.score.bias.clone() for name, member in _members(run).items()}
        run.train_step()
        drawn.append([n for n, m in _members(run).items() if not before[n].equal(m.score.bias)])
    assert all(len(names) == 1 for names in drawn)
    assert {name for names in drawn for name in names} == set(SMALL)


def _members(run: Run) -> dict[str, torch.nn.Module]:
    adversary = run.state.learner.adversary
    assert adversary is not None
    return dict(adversary.module.members.items())
