"""Replacement of codewords that nothing is coded with by neighbours of codewords in use."""

from collections.abc import Callable

import torch
from torch import Tensor

Replacement = tuple[Tensor, Tensor]


def paper_rule(occurrences: Tensor, batch_share: Tensor, threshold: float = 0.01) -> Replacement:
    """The paper's rule (section III.C): a codeword is in use if at least `threshold` of the batches
    (`discarding_threshold`) chose it; used ones in random order, each as often as the others, stand
    in for the unused.

    Shape: occurrences [K], batch_share [K] -> unused [U], sources [U], both codes.
    """
    unused, used = _split(batch_share >= threshold)
    rounds = [
        used[torch.randperm(len(used), device=used.device)]
        for _ in range(-(-len(unused) // max(1, len(used))))
    ]
    return unused, torch.cat([*rounds, used[:0]])[: len(unused)]


def proportional_rule(
    occurrences: Tensor, batch_share: Tensor, threshold: float = 0.05
) -> Replacement:
    """As DiVeQ's code has it: the busier a codeword, the likelier it is split. Unused is who is
    chosen less than `threshold` times as often as if all K were alike.

    Shape: occurrences [K], batch_share [K] -> unused [U], sources [U], both codes.
    """
    total = occurrences.sum()
    unused, used = _split(occurrences * len(occurrences) >= threshold * total.clamp_min(1))
    if not len(unused):
        return unused, unused
    return unused, used[torch.multinomial(occurrences[used], len(unused), replacement=True)]


def _split(in_use: Tensor) -> tuple[Tensor, Tensor]:
    """Codes out of use and in use; with none in use there is nothing to replace by."""
    unused = (~in_use & in_use.any()).nonzero()[:, 0]
    return unused, in_use.nonzero()[:, 0]


REPLACEMENTS: dict[str, Callable[..., Replacement]] = {
    "paper": paper_rule,
    "proportional": proportional_rule,
}


@torch.no_grad()
def replace_unused(codebook: Tensor, replacement: Replacement, jitter: float) -> Tensor:
    """Move unused codewords beside their sources, in place.

    Args:
        jitter: size of the random step from the source, relative to the codewords' standard
            deviation. The paper's code has 1e-12, which leaves twins that may never part.

    Shape: codebook [K, D] -> replaced [K] bool.
    """
    unused, sources = replacement
    replaced = torch.zeros(len(codebook), dtype=torch.bool, device=codebook.device)
    if len(unused):
        chosen = codebook[sources]
        spread = (codebook - codebook.mean(0)).square().mean().sqrt()
        codebook[unused] = chosen + jitter * spread * torch.randn_like(chosen)
        replaced[unused] = True
    return replaced
