"""SimVQ (Zhu et al. 2024, arXiv:2411.02038): all codewords move together through one linear map."""

from typing import Any

import torch
from torch import Tensor, nn

from training.quantizers.straight_through import STE


class SimVQ(STE):
    """Random codewords that stay, times a learned matrix for each stage: none is left behind.

    A run keeps `transforms` [Q, D, D] beside `codebooks`; a checkpoint holds their product.
    """

    learning = "offline"

    def __init__(
        self, num_stages: int, codebook_size: int, latent_width: int, **knobs: Any
    ) -> None:
        super().__init__(num_stages, codebook_size, latent_width, **knobs)
        self.transforms = nn.Parameter(torch.eye(latent_width).repeat(num_stages, 1, 1))

    def codewords(self) -> Tensor:
        """Shape: -> [Q, K, D]."""
        with torch.autocast(self.codebooks.device.type, enabled=False):
            return torch.bmm(self.codebooks, self.transforms)

    @torch.no_grad()
    def initialise(self, latent: Tensor, method: str = "kmeans", first: int = 0) -> None:
        """As the chain does it, with maps that begin as the identity."""
        self.transforms.copy_(torch.eye(self.codebooks.shape[2]).expand_as(self.transforms))
        super().initialise(latent, method, first)
