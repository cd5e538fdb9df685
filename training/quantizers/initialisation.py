"""First codewords for a stage, from the vectors it will code."""

from collections.abc import Callable

import torch
from torch import Tensor

from codec.backends.torch_search import nearest


def normal(vectors: Tensor, codebook_size: int) -> Tensor:
    """Normal, with the vectors' mean and standard deviation in every dimension.

    Shape: vectors [N, D] -> codebook [K, D].
    """
    noise = torch.randn(codebook_size, vectors.shape[1], device=vectors.device)
    return vectors.mean(0) + vectors.std(0, correction=0) * noise


def kmeans(vectors: Tensor, codebook_size: int, iterations: int = 10) -> Tensor:
    """Lloyd's algorithm from random vectors; empty cells begin again at random vectors.

    Shape: vectors [N, D] -> codebook [K, D].
    """

    def draw(number: int) -> Tensor:
        order = torch.randperm(len(vectors), device=vectors.device)
        return vectors[order.repeat(-(-number // len(vectors)))[:number]]

    codebook = draw(codebook_size).clone()
    for _ in range(iterations):
        codebook, counts = lloyd_step(vectors, codebook)
        empty = counts == 0
        codebook[empty] = draw(int(empty.sum()))
    return codebook


def lloyd_step(vectors: Tensor, codebook: Tensor) -> tuple[Tensor, Tensor]:
    """Each codeword moved to the mean of the vectors nearest to it, and how many those were; one
    without any stays.

    Shape: vectors [N, D], codebook [K, D] -> [K, D], [K] int64.
    """
    codes = nearest(vectors, codebook)
    sums = torch.zeros_like(codebook).index_add_(0, codes, vectors)
    counts = torch.bincount(codes, minlength=len(codebook))
    means = sums / counts.clamp_min(1).unsqueeze(1)
    return torch.where(counts.unsqueeze(1) > 0, means, codebook), counts


INITIALISATIONS: dict[str, Callable[[Tensor, int], Tensor]] = {
    "normal": normal,
    "kmeans": kmeans,
}
