"""What a phase asks of decoded speech: its losses, and the gradient they send into the wave.

The losses see the wave as a leaf, so their gradient is known before the network's is computed, and
one pass of the discriminators serves both sides.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from training.objective.adversary import Adversary
from training.objective.losses import LOSSES

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


class Objective:
    """Losses with their weights.

    Args:
        weights: of each loss by name.
        adversary: needed where a loss of `TAUGHT` is asked for.
    """

    def __init__(self, weights: Mapping[str, float], adversary: Adversary | None) -> None:
        self.weights, self.adversary = weights, adversary

    def tell(self, decoded: Tensor, real: Tensor, members: Sequence[str] = ()) -> Told:
        """Ask all discriminators, or those of the names in `members`.

        Shape: decoded, real [B, 1, T] -> see `Told`.
        """
        heard = decoded.detach().requires_grad_()
        values = {name: LOSSES[name](heard, real) for name in self.weights if name not in TAUGHT}
        discriminator = None
        if self.adversary is not None:
            terms = self.adversary.terms(heard, real, members)
            values |= {name: getattr(terms, name) for name in TAUGHT if name in self.weights}
            discriminator = terms.discriminator
        loss = torch.stack([weight * values[name] for name, weight in self.weights.items()]).sum()
        (gradient,) = torch.autograd.grad(loss, heard, retain_graph=discriminator is not None)
        return Told(gradient, values, discriminator)
