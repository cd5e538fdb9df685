"""Nearest-codeword search."""

import torch
from torch import Tensor

_ROWS = 8_192


@torch.no_grad()
def nearest(vectors: Tensor, codebook: Tensor) -> Tensor:
    """The code of the codeword nearest to each vector in Euclidean distance.

    ‖x - c‖² is expanded to ‖c‖² - 2 x·c (‖x‖² is the same for all codewords), so that the work is
    one matrix product; rows go through in blocks to bound memory.

    Shape: vectors [N, D], codebook [K, D] -> codes [N].
    """
    codebook = codebook.float()
    half_norms = 0.5 * codebook.square().sum(1)
    blocks = vectors.float().split(_ROWS)
    return torch.cat([torch.addmm(half_norms, x, codebook.T, alpha=-1).argmin(1) for x in blocks])
