"""How often codewords are chosen: what replacement decides by and a training log shows."""

import torch
from torch import Tensor, nn

from training.ranks import sum_over_ranks


def perplexity(counts: Tensor) -> Tensor:
    """exp of the entropy: the number of codewords that, used evenly, would be as hard to guess.

    Shape: counts [..., K] -> [...], from 1 (one codeword) to K (all alike); 0 without any count.

    >>> perplexity(torch.tensor([[5.0, 5.0, 0.0, 0.0], [7.0, 0.0, 0.0, 0.0]])).tolist()
    [2.0, 1.0]
    """
    total = counts.sum(-1, keepdim=True)
    share = counts / total.clamp_min(1)
    entropy = -torch.special.xlogy(share, share).sum(-1)
    return entropy.exp() * (total[..., 0] > 0)


def used_share(counts: Tensor) -> Tensor:
    """The share of codewords chosen at least once.

    Shape: counts [..., K] -> [...] in [0, 1].
    """
    return (counts > 0).float().mean(-1)


class Usage(nn.Module):
    """Counts of the training batches since the last replacement; no part of a checkpoint."""

    occurrences: Tensor
    batches: Tensor
    num_batches: Tensor

    def __init__(self, num_stages: int, codebook_size: int) -> None:
        super().__init__()
        for name in ("occurrences", "batches"):
            counts = torch.zeros(num_stages, codebook_size)
            self.register_buffer(name, counts, persistent=False)
        self.register_buffer("num_batches", torch.zeros(num_stages, 1), persistent=False)

    @torch.no_grad()
    def count(self, stage: int, codes: Tensor, used: Tensor) -> Tensor:
        """Count one stage's codes of one batch.

        Shape: codes [N], used [N] bool (others don't count) -> this batch's counts [K].
        """
        batch = torch.zeros_like(self.occurrences[stage])
        batch.scatter_add_(0, codes, used.to(batch.dtype))
        self.occurrences[stage] += batch
        self.batches[stage] += batch > 0
        self.num_batches[stage] += used.any() if used.numel() else 0
        return batch

    def over_ranks(self) -> tuple[Tensor, Tensor]:
        """Occurrences [Q, K] and the share of batches each codeword was in [Q, K], all ranks'."""
        batches, num_batches = sum_over_ranks(self.batches), sum_over_ranks(self.num_batches)
        return sum_over_ranks(self.occurrences), batches / num_batches.clamp_min(1)

    def reset(self, stages: Tensor | None = None) -> None:
        """Begin a new count. Shape: stages [Q] bool; all if None."""
        for counts in self.buffers():
            counts[slice(None) if stages is None else stages] = 0
