"""What a step draws besides its recordings: bitrates, frames that get lost, discriminators.

Each hangs on the recipe's seed and the step alone, and is the same in every process.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from training.recipe import DataConfig, Recipe

LONGEST_LOSS = 3
"""Frames at most that get lost in a row; longer gaps fade, which takes no learning."""


class Coded(NamedTuple):
    """How the items of a batch are coded and sent."""

    num_stages: Tensor
    """[B], those in use, on average where `varies`."""
    varies: Tensor
    """[B] bool: whether louder frames get more of them."""
    lost: Tensor
    """[B, F] bool: frames whose codes never come."""
    bridged: Tensor
    """[B] bool: whether the frame after lost ones is known when they are stood in for."""

    def share(self, rank: int, num_ranks: int) -> "Coded":
        """Every so many-th item, from `rank` on."""
        return Coded(*(values[rank::num_ranks] for values in self))


def draw_coded(recipe: Recipe, step: int) -> Coded:
    """How the items of a step are coded: quantizer dropout, varied or not, some frames lost."""
    data, (phase, _) = recipe.data, recipe.phase_at(step)
    frames = recipe.model.num_frames(round(data.crop_s * recipe.model.sample_rate))
    rng = np.random.default_rng((recipe.seed + 3, step))
    varies = rng.random(data.batch_size) < phase.vbr_share
    lost = np.zeros((data.batch_size, frames), bool)
    for item in np.flatnonzero(rng.random(data.batch_size) < phase.lost_share):
        start = rng.integers(1, max(2, frames - LONGEST_LOSS))
        lost[item, start : start + rng.integers(1, LONGEST_LOSS + 1)] = True
    bridged = rng.random(data.batch_size) < 0.5
    drawn = (torch.from_numpy(values) for values in (varies, lost, bridged))
    return Coded(_stages(data, recipe.seed, step), *drawn)


def draw_discriminators(recipe: Recipe, step: int) -> list[str]:
    """Names of those that hear a step; none: all hear it."""
    phase, _ = recipe.phase_at(step)
    rng = np.random.default_rng((recipe.seed + 2, step))
    return [
        str(name)
        for name in rng.choice(phase.discriminators, phase.discriminators_per_step, replace=False)
    ]


def _stages(data: DataConfig, seed: int, step: int) -> Tensor:
    """Quantizer dropout: how many stages each item of a step uses. Shape: [B]."""
    shares = data.stage_shares
    weights = np.asarray(list(shares.values()))
    rng = np.random.default_rng((seed + 1, step))
    drawn = rng.choice([int(n) for n in shares], data.batch_size, p=weights / weights.sum())
    return torch.from_numpy(drawn)
