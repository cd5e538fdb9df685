"""One step of training: what it does hangs on the state, the recipe and the recordings alone."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from training.corpora.batches import Batches
from training.objective.objective import Told
from training.ranks import num_ranks, rank
from training.recipe import Recipe
from training.run.draws import Coded, draw_coded, draw_discriminators
from training.run.initial_weights import start_codebooks
from training.run.schedule import learning_rate
from training.run.state import State
from training.run.teacher import Teacher

REPLACE_EVERY = 200
REPLACE_WINDOW = 30.0
"""Vectors for each codeword that a stage is judged by."""

Timed = Callable[[str], AbstractContextManager[None]]
"""Gives a block that the named part of a step runs in."""


def take_step(
    state: State, recipe: Recipe, batches: Batches, timed: Timed = lambda part: nullcontext()
) -> dict[str, float]:
    """Draw, encode, quantize, decode, score, learn; what to log.

    Where gradients are not finite the optimizer takes no step: `skipped` is 1.
    """
    torch.manual_seed(((recipe.seed << 32) + state.step) * num_ranks() + rank())
    phase, done = recipe.phase_at(state.step)
    if phase is not state.learner.phase:
        state.enter(phase, recipe)
    if done == 0 and phase.refit_from:
        _refit_codebooks(state, batches, phase.refit_from - 1)
    learner = state.learner
    with timed("batch"):
        wave, coded = draw(state, recipe, batches)
    with timed("network"):
        rebuilt, latent_loss = learner.forward(wave, coded)
    goal = wave
    if phase.teacher:
        with timed("teacher"):
            learner.teacher = learner.teacher or Teacher(phase, recipe, state.model, wave)
            goal = learner.teacher(wave, coded)
    with timed("losses"):
        told = learner.objective.tell(rebuilt, goal, draw_discriminators(recipe, state.step))
    learner.optimizer.zero_grad()
    with timed("network"):
        ((rebuilt * told.gradient).sum() + phase.latent_weight * latent_loss).backward()
    rate = learning_rate(phase, done)
    with timed("optimizer and average"):
        norm = learner.learn(rate, recipe.clip_norm)
    if learner.adversary is not None and told.discriminator is not None:
        with timed("discriminators"):
            learner.adversary.learn(told.discriminator, rate / phase.learning_rate)
    state.step += 1
    _keep_codebooks_alive(state, done)
    with timed("optimizer and average"):
        state.update_average(recipe.average_decay)
    return _logged(told, latent_loss, norm)


def draw(state: State, recipe: Recipe, batches: Batches) -> tuple[Tensor, Coded]:
    """This process's share of the step's batch: waves, and how each of them is coded.

    Shape: -> wave [B / ranks, 1, T].
    """
    wave = batches.draw(state.step)[rank() :: num_ranks()].to(state.device)
    coded = draw_coded(recipe, state.step).share(rank(), num_ranks())
    return wave, Coded(*(values.to(state.device) for values in coded))


def _refit_codebooks(state: State, batches: Batches, first: int) -> None:
    """Codewords of the stages from `first` on begin anew, in the average as well."""
    start_codebooks(state.model, batches, first)
    state.average.quantizer.codebooks[first:] = state.model.quantizer.codebooks[first:].detach()


def _keep_codebooks_alive(state: State, done: int) -> None:
    """Replace codewords out of use, until the phase's last part."""
    phase = state.learner.phase
    early = done < phase.replace_until * phase.steps
    if "quantizer" in phase.train and early and state.step % REPLACE_EVERY == 0:
        replaced = state.model.quantizer.replace(window=REPLACE_WINDOW)
        state.replaced = int(replaced.sum())
        with torch.no_grad():  # the average must not stay half way from the old place
            live = state.model.quantizer.codebooks[replaced]
            state.average.quantizer.codebooks[replaced] = live


def _logged(told: Told, latent_loss: Tensor, norm: Tensor) -> dict[str, float]:
    """A step's values as plain numbers."""
    values = told.values | {"latent": latent_loss, "gradient_norm": norm}
    if told.discriminator is not None:
        values["discriminator"] = told.discriminator
    return {name: float(value.detach()) for name, value in values.items()} | {
        "skipped": float(not torch.isfinite(norm))
    }
