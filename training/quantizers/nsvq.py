"""Noise substitution (Vali & Bäckström, "NSVQ", IEEE Access 10, 2022, eq. 7)."""

import torch
from torch import Tensor

from training.quantizers.chain import ResidualChain


def substitute_noise(x: Tensor, hard: Tensor) -> Tensor:
    """`x + ‖x - hard‖ · v / ‖v‖` with v ~ N(0, I), one v per vector.

    The result is as far from x as the codeword is, in a random direction; gradients reach x and,
    through the error's norm, the codewords.

    Shape: x [..., D], hard [..., D] -> [..., D].
    """
    noise = torch.randn_like(x)
    noise = noise / torch.linalg.vector_norm(noise, dim=-1, keepdim=True)
    error = torch.linalg.vector_norm(x - hard, dim=-1, keepdim=True)
    return x + error * noise


def substitute_shaped_noise(x: Tensor, hard: Tensor) -> Tensor:
    """`x + ‖x - hard‖ · Σ^½v / ‖Σ^½v‖`, Σ the covariance of the directions of the batch's errors.

    Codewords' errors lie in the few dimensions that carry speech, isotropic noise mostly elsewhere,
    and a decoder learns to look away from it. Sums of the batch's own directions with normal
    weights have exactly their covariance, so none is estimated.

    Shape: x [N, D], hard [N, D] -> [N, D].
    """
    error = torch.linalg.vector_norm(x - hard, dim=-1, keepdim=True)
    directions = ((hard - x) / error.clamp_min(1e-12)).detach()
    noise = torch.randn(len(x), len(x), dtype=x.dtype, device=x.device) @ directions
    length = torch.linalg.vector_norm(noise, dim=-1, keepdim=True)
    return x + error * noise / length.clamp_min(1e-12)


class NSVQ(ResidualChain):
    """Noise once, on the total error of the stages in use (Vali & Bäckström, ICASSP 2023).

    The noise has mean zero, so the decoder's loss says little about where codewords should go: the
    loss of each stage (or `learning="ema"`) moves them. The paper as published, one codebook moved
    by the decoder's loss alone, is `pull = commitment = 0`.
    """

    def surrogate(self, x: Tensor, hard: Tensor) -> Tensor:
        return substitute_noise(x, hard)
