"""Codewords as the moving average of the vectors they code (van den Oord et al. 2017, A.1).

With cell sizes N and sums S = N·c, the two averages N ← γN + (1-γ)n and S ← γS + (1-γ)s are one
update, c ← c + (1-γ)(s - n·c) / N, so the sizes are all there is to remember. γ is near 1 where a
batch brings a stage few vectors (late stages, which few items use): a memory of a fixed number of
batches would hold too few vectors a codeword there, and codewords would follow single ones.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from training.ranks import copy_from_first_rank, sum_over_ranks

SHORTEST = 0.01
"""The largest weight of one batch in the average."""


class _Stage(NamedTuple):
    """What one stage coded in one batch: [N, D], sums by code [K, D], counts [K]."""

    vectors: Tensor
    sums: Tensor
    counts: Tensor


class MovingAverage(nn.Module):
    """Cell sizes of every stage; no part of a checkpoint.

    Args:
        restart_below: a codeword whose cell is smaller than this share of the average cell begins
            again at a random vector of the batch; 0 never.
    """

    memory = 20.0
    """Vectors for each codeword that the average goes back, at least 100 batches."""
    sizes: Tensor

    def __init__(self, num_stages: int, codebook_size: int, restart_below: float) -> None:
        super().__init__()
        self.restart_below = restart_below
        self._collected: list[_Stage] = []
        self.register_buffer("sizes", torch.ones(num_stages, codebook_size), persistent=False)

    @torch.no_grad()
    def collect(self, vectors: Tensor, codes: Tensor, counts: Tensor) -> None:
        """Remember what the next stage of this batch coded, until `move`.

        Shape: vectors [N, D], codes [N], counts [K] (how often each code occurs).
        """
        sums = vectors.new_zeros(len(counts), vectors.shape[1]).index_add_(0, codes, vectors)
        self._collected.append(_Stage(vectors, sums, counts))

    @torch.no_grad()
    def move(self, codebooks: Tensor) -> None:
        """Move all codebooks towards what was collected, in place: one exchange between ranks.

        Shape: codebooks [Q, K, D].
        """
        sums = torch.stack([stage.sums for stage in self._collected]).to(codebooks.dtype)
        counts = torch.stack([stage.counts for stage in self._collected]).unsqueeze(2)
        both = sum_over_ranks(torch.cat([sums, counts], dim=2))
        sums, counts = both[..., :-1], both[..., -1]
        seen = counts.any(1, keepdim=True)
        share = (counts.sum(1, keepdim=True) / (self.memory * counts.shape[1])).clamp_max(SHORTEST)
        self.sizes.lerp_(counts, share)
        step = share / self.sizes.clamp_min(torch.finfo(self.sizes.dtype).tiny)
        codebooks += (sums - counts.unsqueeze(2) * codebooks) * step.unsqueeze(2)
        if self.restart_below > 0:
            self._restart(codebooks, seen[:, 0])
        self._collected.clear()

    def _restart(self, codebooks: Tensor, seen: Tensor) -> None:
        """Codewords with hardly a cell begin again at vectors of the batch.

        Shape: codebooks [Q, K, D], seen [Q] bool: stages in use in this batch.
        """
        for codebook, sizes, stage, in_use in zip(
            codebooks, self.sizes, self._collected, seen, strict=True
        ):
            dead = sizes < self.restart_below * sizes.mean()
            if in_use and dead.any():
                if len(stage.vectors):
                    picks = torch.randint(
                        len(stage.vectors), (int(dead.sum()),), device=dead.device
                    )
                    codebook[dead] = stage.vectors[picks].to(codebook.dtype)
                copy_from_first_rank(codebook)
                sizes[dead] = sizes.mean()

    def forget(self, replaced: Tensor) -> None:
        """Give codewords that were just moved an average cell. Shape: replaced [Q, K] bool."""
        typical = self.sizes.mean(1, keepdim=True).expand_as(self.sizes)
        self.sizes.copy_(torch.where(replaced, typical, self.sizes))

    def reset(self) -> None:
        """Forget all cells."""
        self.sizes.fill_(1.0)
