"""DiVeQ (Vali et al., ICLR 2026): the error is kept, almost along its own direction."""

import torch
from torch import Tensor

from training.quantizers.chain import ResidualChain


def towards_codeword(x: Tensor, hard: Tensor, noise: float) -> Tensor:
    """`x + ‖hard - x‖ · sg[d / ‖d‖]` with d = hard - x + noise · v, v ~ N(0, I).

    The result lies beside the codeword; gradients reach x and, through the error's norm, `hard`.

    Shape: x [..., D], hard [..., D] -> [..., D].
    """
    direction = (hard - x).detach() + noise * torch.randn_like(x)
    length = torch.linalg.vector_norm(direction, dim=-1, keepdim=True)
    error = torch.linalg.vector_norm(hard - x, dim=-1, keepdim=True)
    return x + error * direction / length.clamp_min(1e-12)


class DiVeQ(ResidualChain):
    """Needs no auxiliary loss: the decoder's own loss moves encoder and codewords."""

    pull = 0.0
    commitment = 0.0
    noise = 1e-3

    def surrogate(self, x: Tensor, hard: Tensor) -> Tensor:
        return towards_codeword(x, hard, self.noise)
