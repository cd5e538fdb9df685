"""Hidden channels left out at the least loss.

Of a linear map y = W h, channels of h are left out one after the other, always the one whose loss
costs the output least once the others' weights make up for it as well as they can (least squares):

    cost of channel j = ‖W_j‖² / (M⁻¹)_jj        M = E[h hᵀ], the channels' second moments
    then              W -= M⁻¹_·j W_j / (M⁻¹)_jj

That is the optimal brain surgeon (Hassibi and Stork, NIPS 1992) with the exact Hessian that a
linear layer has.
"""

import torch
from torch import Tensor

_DAMPING = 1e-7
"""Of the mean second moment: keeps the inverse finite where channels never move."""


class Elimination:
    """A linear map that loses one channel after the other.

    Args:
        moments: of the channels and, last, of a constant 1, which is never left out.
        weight: a row for each channel and the bias.

    Shape: moments [N + 1, N + 1], weight [N + 1, outputs].
    """

    def __init__(self, moments: Tensor, weight: Tensor) -> None:
        damping = _DAMPING * moments.diagonal().mean()
        eye = torch.eye(len(moments), dtype=moments.dtype)
        self._inverse = torch.linalg.inv(moments + damping * eye)
        self.weight = weight.clone()
        """As it has to be now; rows of zeros for channels left out."""
        self.remaining = torch.ones(len(moments), dtype=torch.bool)
        """Which channels are left, and the constant."""

    def costs(self) -> Tensor:
        """What the output loses with each channel; infinite for those that can't be left out.

        Shape: -> [N + 1].
        """
        cost = self.weight.square().sum(1) / self._inverse.diagonal().clamp_min(1e-30)
        cost[~self.remaining] = torch.inf
        cost[-1] = torch.inf
        return cost

    def leave_out(self, channel: int) -> None:
        """The other channels' weights make up for it."""
        share = self._inverse[:, channel : channel + 1] / self._inverse[channel, channel]
        self.weight -= share * self.weight[channel]
        self._inverse -= share * self._inverse[channel]
        self.remaining[channel], self.weight[channel] = False, 0.0


def least_loss(moments: Tensor, weight: Tensor, keep: int) -> tuple[Tensor, Tensor]:
    """The channels to keep, in order, and the weights that make up for the others.

    Args:
        moments, weight: of an `Elimination`.
        keep: number of channels, at most all.

    Shape: moments [N + 1, N + 1], weight [N + 1, outputs] -> [keep] int64, [keep + 1, outputs].
    """
    linear = Elimination(moments, weight)
    for _ in range(len(moments) - 1 - keep):
        linear.leave_out(int(linear.costs().argmin()))
    return linear.remaining[:-1].nonzero()[:, 0], linear.weight[linear.remaining]
