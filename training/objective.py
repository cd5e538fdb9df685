"""What a phase asks of decoded speech: its losses, and the gradient they send into the wave.

The losses see the wave as a leaf, so their gradient is known before the network's is computed: it
can be balanced (`training/balance.py`), and one pass of the discriminators serves both sides.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from training.adversary import Adversary
from training.balance import Balance
from training.losses import LOSSES
from training.recipe import PhaseConfig

TAUGHT = ("adversarial", "features")
"""Losses that discriminators give."""


class Told(NamedTuple):
    """What an objective says of one batch."""

    gradient: Tensor
    """[B, 1, T] with respect to the decoded wave."""
    values: dict[str, Tensor]
    """Each loss, a scalar, by name."""
    discriminator: Tensor | None
    """The discriminators' own loss, with its graph."""
    left_out: int
    """Losses left out because their gradient was not finite."""


class Objective:
    """The losses of a phase with their weights.

    Args:
        adversary: needed where a loss of `TAUGHT` is asked for.
    """

    def __init__(self, phase: PhaseConfig, balance: Balance, adversary: Adversary | None) -> None:
        self.weights, self.balanced = phase.losses, phase.balanced
        self.balance, self.adversary = balance, adversary

    def tell(self, decoded: Tensor, real: Tensor) -> Told:
        """Shape: decoded, real [B, 1, T] -> see `Told`."""
        heard = decoded.detach().requires_grad_()
        values = {
            name: LOSSES[name](heard, real) for name in self.weights if name not in TAUGHT
        }
        discriminator = None
        if self.adversary is not None:
            terms = self.adversary.terms(heard, real)
            values |= {name: getattr(terms, name) for name in TAUGHT if name in self.weights}
            discriminator = terms.discriminator
        gradient, left_out = self._gradient(values, heard)
        return Told(gradient, values, discriminator, left_out)

    def _gradient(self, values: dict[str, Tensor], heard: Tensor) -> tuple[Tensor, int]:
        losses = {name: values[name] for name in self.weights if name not in TAUGHT}
        weights = {name: self.weights[name] for name in losses}
        if taught := [name for name in TAUGHT if name in self.weights]:
            # One loss for the balance, since its gradient is one costly pass.
            weights["taught"] = sum(self.weights[name] for name in taught)
            losses["taught"] = sum(self.weights[name] * values[name] for name in taught)
        if self.balanced:
            return self.balance.combine(losses, weights, heard)
        loss = sum(self.weights[name] * value for name, value in values.items())
        (gradient,) = torch.autograd.grad(loss, heard, retain_graph=self.adversary is not None)
        return gradient, 0
