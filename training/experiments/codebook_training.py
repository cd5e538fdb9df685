"""Train a codebook alone, on vectors that stay as they are."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from training.quantizers.chain import ResidualChain


class Plan(NamedTuple):
    """How long to train and how fast."""

    updates: int
    learning_rate: float
    """Adam's, falling linearly to zero."""
    rule: str | None
    """Key of `REPLACEMENTS`, or None."""
    replace_every: int
    """Updates between replacements (`num_batches`), up to four fifths of the run."""


class Step(NamedTuple):
    """What one update did."""

    update: int
    mse: float
    codes: Tensor
    """[1, Q, N]"""
    replaced: int


def train_codebook(
    chain: ResidualChain, draw: Callable[[], Tensor], plan: Plan, after: Callable[[Step], None]
) -> None:
    """Train `chain` on what `draw` gives, [1, D, N] an update."""
    learned = [value for value in chain.parameters() if value.requires_grad]
    optimizer = torch.optim.Adam(learned, plan.learning_rate, fused=True) if learned else None
    for update in range(1, plan.updates + 1):
        x = draw()
        got = chain(x)
        if optimizer:
            loss = functional.mse_loss(got.output, x) + got.loss
            optimizer.param_groups[0]["lr"] = plan.learning_rate * (1 - (update - 1) / plan.updates)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        replaced = 0
        if plan.rule and update % plan.replace_every == 0 and update <= 0.8 * plan.updates:
            replaced = int(chain.replace(plan.rule).sum())
        after(Step(update, functional.mse_loss(got.hard.detach(), x).item(), got.codes, replaced))
