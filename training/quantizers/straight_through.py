"""The straight-through estimator with a commitment loss (van den Oord et al. 2017, VQ-VAE)."""

from torch import Tensor

from training.quantizers.chain import ResidualChain


def straight_through(x: Tensor, hard: Tensor) -> Tensor:
    """`hard`, with gradients passed to x as if nothing had happened.

    Shape: x [..., D], hard [..., D] -> [..., D].
    """
    return x + (hard - x).detach()


class STE(ResidualChain):
    """The decoder sees codewords; codewords learn from the loss of their stage."""

    commitment = 0.25

    def surrogate(self, x: Tensor, hard: Tensor) -> Tensor:
        return straight_through(x, hard)
