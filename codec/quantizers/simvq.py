"""SimVQ (Zhu et al. 2024, arXiv:2411.02038): all codewords move together through one linear map."""

import torch
from torch import Tensor, nn

from codec.quantizers.residual import Learning
from codec.quantizers.ste import STE


class SimVQ(STE):
    """Random codewords that stay, times a learned matrix for each stage: none is left behind.

    Its checkpoint holds `transforms` [Q, D, D] beside `codebooks`.
    """

    learning = "offline"

    def __init__(
        self,
        num_stages: int,
        codebook_size: int,
        latent_width: int,
        *,
        learning: Learning | None = None,
        per_stage: bool = False,
    ) -> None:
        super().__init__(
            num_stages, codebook_size, latent_width, learning=learning, per_stage=per_stage
        )
        self.transforms = nn.Parameter(torch.eye(latent_width).repeat(num_stages, 1, 1))

    def codewords(self) -> Tensor:
        """Shape: -> [Q, K, D]."""
        with torch.autocast(self.codebooks.device.type, enabled=False):
            return torch.bmm(self.codebooks, self.transforms)

    @torch.no_grad()
    def initialise(self, latent: Tensor, method: str = "kmeans") -> None:
        """As the chain does it, with maps that begin as the identity."""
        self.transforms.copy_(torch.eye(self.codebooks.shape[2]).expand_as(self.transforms))
        super().initialise(latent, method)
