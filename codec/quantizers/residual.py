"""The residual chain: every stage codes what the stages before it left over."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from codec.quantizers.nsvq import substitute_noise
from codec.quantizers.search import nearest


class Quantized(NamedTuple):
    """What a training pass through a quantizer gives."""

    output: Tensor
    """[B, D, F] what the decoder sees while training."""
    hard: Tensor
    """[B, D, F] the sum of the chosen codewords, without gradient to the encoder."""
    codes: Tensor
    """[B, Q, F] integers in [0, K)."""
    loss: Tensor
    """Scalar: pulls codewords to residuals and, weakly, residuals to codewords."""


class ResidualNSVQ(nn.Module):
    """Residual chain with noise substituted once, on the total error of the stages in use
    (Vali & Bäckström, ICASSP 2023)."""

    commitment = 0.1

    def __init__(self, num_stages: int, codebook_size: int, latent_width: int) -> None:
        super().__init__()
        scale = 0.5 ** (torch.arange(num_stages) / 4.0)
        books = torch.randn(num_stages, codebook_size, latent_width) * scale[:, None, None]
        self.codebooks = nn.Parameter(books)

    def forward(self, latent: Tensor, num_stages: Tensor) -> Quantized:
        """Shape: latent [B, D, F], num_stages [B] -> see `Quantized`."""
        batch, width, frames = latent.shape
        x = latent.transpose(1, 2).reshape(-1, width).float()
        active = num_stages.repeat_interleave(frames)
        residual, total, codes, loss = x, torch.zeros_like(x), [], x.new_zeros(())
        for stage, codebook in enumerate(self.codebooks):
            code = nearest(residual.detach(), codebook)
            chosen = codebook[code]
            used = (active > stage).unsqueeze(1)
            pull = (residual.detach() - chosen).square().mean(1)
            commit = (residual - chosen.detach()).square().mean(1)
            loss = loss + ((pull + self.commitment * commit) * used[:, 0]).mean()
            step = chosen * used
            total = total + step
            residual = residual - step.detach()
            codes.append(code.view(batch, frames))
        output = substitute_noise(x, total)

        def as_latent(rows: Tensor) -> Tensor:
            return rows.view(batch, frames, width).transpose(1, 2)

        return Quantized(as_latent(output), as_latent(total), torch.stack(codes, 1), loss)

    @torch.no_grad()
    def encode(self, latent: Tensor, num_stages: int | None = None) -> Tensor:
        """Shape: latent [B, D, F] -> codes [B, num_stages, F]."""
        batch, width, frames = latent.shape
        residual = latent.transpose(1, 2).reshape(-1, width).float()
        codes = []
        for codebook in self.codebooks[:num_stages]:
            code = nearest(residual, codebook)
            residual = residual - codebook[code]
            codes.append(code.view(batch, frames))
        return torch.stack(codes, 1)

    @torch.no_grad()
    def decode(self, codes: Tensor) -> Tensor:
        """Shape: codes [B, Q, F] -> latent [B, D, F]."""
        chosen = [self.codebooks[stage][codes[:, stage]] for stage in range(codes.shape[1])]
        return torch.stack(chosen).sum(0).transpose(1, 2)
