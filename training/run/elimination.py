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


def least_loss(moments: Tensor, weight: Tensor, keep: int) -> tuple[Tensor, Tensor]:
    """The channels to keep, in order, and the weights that make up for the others.

    Args:
        moments: of the channels and, last, of a constant 1, which is never left out.
        weight: a row for each channel and the bias.
        keep: number of channels, at most all.

    Shape: moments [N + 1, N + 1], weight [N + 1, outputs] -> [keep] int64, [keep + 1, outputs].
    """
    damping = _DAMPING * moments.diagonal().mean()
    inverse = torch.linalg.inv(moments + damping * torch.eye(len(moments), dtype=moments.dtype))
    weight = weight.clone()
    left = torch.ones(len(moments), dtype=torch.bool)
    for _ in range(len(moments) - 1 - keep):
        cost = weight.square().sum(1) / inverse.diagonal().clamp_min(1e-30)
        cost[~left] = torch.inf
        cost[-1] = torch.inf
        out = int(cost.argmin())
        share = inverse[:, out : out + 1] / inverse[out, out]
        weight -= share * weight[out]
        inverse -= share * inverse[out]
        left[out], weight[out] = False, 0.0
    return left[:-1].nonzero()[:, 0], weight[left]
