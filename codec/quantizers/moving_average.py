"""Codewords as the moving average of the vectors they code (van den Oord et al. 2017, A.1).

With cell sizes N and sums S = N·c, the two averages N ← γN + (1-γ)n and S ← γS + (1-γ)s are one
update, c ← c + (1-γ)(s - n·c) / N, so the sizes are all there is to remember.
"""

import torch
from torch import Tensor, nn

from codec.quantizers.ranks import copy_from_first_rank, sum_over_ranks


class MovingAverage(nn.Module):
    """Cell sizes of every stage; no part of a checkpoint.

    Args:
        restart_below: a codeword whose cell is smaller than this share of the average cell begins
            again at a random vector of the batch; 0 never.
    """

    decay = 0.99
    sizes: Tensor

    def __init__(self, num_stages: int, codebook_size: int, restart_below: float) -> None:
        super().__init__()
        self.restart_below = restart_below
        self.register_buffer("sizes", torch.ones(num_stages, codebook_size), persistent=False)

    @torch.no_grad()
    def update(
        self, stage: int, codebook: Tensor, vectors: Tensor, codes: Tensor, counts: Tensor
    ) -> None:
        """Move `codebook` towards the vectors it just coded, in place.

        Shape: codebook [K, D], vectors [N, D], codes [N], counts [K] (how often each code occurs).
        """
        sums = torch.zeros_like(codebook).index_add_(0, codes, vectors.to(codebook.dtype))
        sums, counts = sum_over_ranks(sums), sum_over_ranks(counts)
        if not counts.any():
            return
        sizes = self.sizes[stage]
        sizes.mul_(self.decay).add_(counts, alpha=1.0 - self.decay)
        step = (1.0 - self.decay) / sizes.clamp_min(torch.finfo(sizes.dtype).tiny)
        codebook += (sums - counts.unsqueeze(1) * codebook) * step.unsqueeze(1)
        dead = sizes < self.restart_below * sizes.mean()
        if dead.any() and len(vectors):
            picks = torch.randint(len(vectors), (int(dead.sum()),), device=vectors.device)
            codebook[dead] = vectors[picks].to(codebook.dtype)
            copy_from_first_rank(codebook)
            sizes[dead] = sizes.mean()

    def forget(self, replaced: Tensor) -> None:
        """Give codewords that were just moved an average cell. Shape: replaced [Q, K] bool."""
        typical = self.sizes.mean(1, keepdim=True).expand_as(self.sizes)
        self.sizes.copy_(torch.where(replaced, typical, self.sizes))

    def reset(self) -> None:
        """Forget all cells."""
        self.sizes.fill_(1.0)
