"""Losses weighed by the gradient they send into the wave, not by their own scale (Défossez et al.
2022, "EnCodec", section 3.4).

Each loss's gradient with respect to the decoded wave is divided by its average length, so a weight
is the loss's share in what the decoder is told. A gradient that is not finite is left out.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from training.processes import average_over_ranks


class Balance:
    """Averages of the lengths of gradients, by loss."""

    decay = 0.99

    def __init__(self) -> None:
        self.lengths: dict[str, Tensor] = {}

    def combine(
        self, losses: Mapping[str, Tensor], weights: Mapping[str, float], wave: Tensor
    ) -> tuple[Tensor, int]:
        """The weighted mean of the losses' gradients, and how many were not finite.

        Args:
            losses: scalars that depend on `wave`; their graphs are kept.

        Shape: wave [B, 1, T], a leaf -> [B, 1, T].
        """
        total, left_out = torch.zeros_like(wave), 0
        for name, weight in weights.items():
            (gradient,) = torch.autograd.grad(losses[name], wave, retain_graph=True)
            length = gradient.norm()
            average_over_ranks([length])
            if not bool(torch.isfinite(length)):
                left_out += 1
                continue
            total += weight / self._average(name, length) * gradient
        return total / sum(weights.values()), left_out

    def _average(self, name: str, length: Tensor) -> Tensor:
        """The average length with the newest in it."""
        before = self.lengths.get(name, length)
        self.lengths[name] = torch.lerp(length, before, self.decay)
        return self.lengths[name].clamp_min(1e-12)
