"""What a run would take: every kind of phase is measured; a step's shares are all of it."""

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from torch import Tensor

from training.corpora import Corpus
from training.objective.adversary import Adversary, Terms
from training.recipe import PhaseConfig, Recipe
from training.run import estimate as estimation
from training.run.estimate import estimate, step_shares
from training.run.run import Run


def test_every_phase_counts_towards_the_whole(
    recipe: Recipe, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = iter(range(0, 1_000, 100))  # each kind of phase takes 100 s for its timed steps
    monkeypatch.setattr(estimation.time, "perf_counter", lambda: float(next(ticks)))
    run = Run(recipe, corpus)
    steps: list[tuple[str, int]] = []
    take = run.train_step

    def told() -> dict[str, float]:
        steps.append((run.recipe.phase_at(run.state.step)[0].name, run.state.step))
        return take()

    monkeypatch.setattr(run, "train_step", told)
    found = estimate(run)
    assert dict(steps) == {"noise": 2, "hard": 8, "open": 11}
    assert found["phase 1, hard"].startswith("3 steps of 33.333 s, 1.7 min")
    assert found["the whole run"].startswith("12 steps, 6.7 min")


def test_phases_that_do_the_same_are_measured_once(recipe: Recipe, corpus: Corpus) -> None:
    twice = type(recipe)(**{**vars(recipe), "phases": (recipe.phases[1], recipe.phases[1])})
    run = Run(twice, corpus)
    found = estimate(run)
    assert found["phase 0, hard"] == found["phase 1, hard"]
    assert run.state.step == 3


def test_a_phase_with_fewer_discriminators_a_step_is_measured_anew(
    recipe: Recipe, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[int] = []
    terms = Adversary.terms

    def told(self: Adversary, decoded: Tensor, real: Tensor, names: Sequence[str] = ()) -> Terms:
        heard.append(len(names or self.module.members))
        return terms(self, decoded, real, names)

    monkeypatch.setattr(Adversary, "terms", told)
    every = PhaseConfig(
        steps=3,
        substitute="towards",
        losses={"mel": 1.0, "adversarial": 1.0},
        discriminators=("spectrum256", "period3"),
    )
    phases = (every, replace(every, discriminators_per_step=1))
    estimate(Run(replace(recipe, phases=phases), corpus))
    assert heard == [2] * 4 + [1] * 5


def test_the_shares_of_a_step_are_all_of_it(recipe: Recipe, corpus: Corpus) -> None:
    shares = step_shares(Run(recipe, corpus))
    numbers = [int(number) for number in re.findall(r"(\d+) %", shares)]
    assert sum(numbers) == pytest.approx(100, abs=4)
    assert numbers == sorted(numbers, reverse=True)
    for part in ("batch", "network", "quantizer", "losses", "optimizer and average"):
        assert part in shares
