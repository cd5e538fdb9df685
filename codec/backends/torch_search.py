"""Nearest-codeword search: one matrix product, exact under ties.

‖x - c‖² is expanded to ‖x‖² - 2 x·c + ‖c‖², and ‖x‖² is the same for all codewords, so these are
ranked by ½‖c‖² - x·c. Rounding can swap codewords that lie nearly equally far; rows where that
could have happened (a few in ten thousand) are ranked again in double precision.
"""

import torch
from torch import Tensor

_CELLS = 262_144  # scores held at once on a CPU: 1 MB, so that they are ranked while in its cache
_GPU_CELLS = 1 << 26
_EXACT = 1e-12  # relative difference under which double precision counts as a tie


@torch.no_grad()
def nearest(vectors: Tensor, codebook: Tensor) -> Tensor:
    """The code of the codeword nearest to each vector; of several equally near, the lowest.

    Shape: vectors [N, D], codebook [K, D] -> codes [N].

    >>> codebook = torch.tensor([[0.0, 0.0], [1.0, 1.0], [1.0, 1.0]])
    >>> nearest(torch.tensor([[0.9, 0.8], [0.5, 0.5]]), codebook).tolist()
    [1, 0]
    """
    kind = torch.promote_types(vectors.dtype, torch.float32)
    vectors, codebook = vectors.to(kind), codebook.to(kind)
    half_norms = 0.5 * codebook.square().sum(1)
    cells = _CELLS if vectors.device.type == "cpu" else _GPU_CELLS
    rows = max(256, cells // len(codebook))
    codes = torch.empty(len(vectors), dtype=torch.long, device=vectors.device)
    gaps = torch.empty(len(vectors), dtype=kind, device=vectors.device)
    for start in range(0, len(vectors), rows):
        block = slice(start, start + rows)
        with torch.autocast(vectors.device.type, enabled=False):
            scores = torch.addmm(half_norms, vectors[block], codebook.T, alpha=-1)
        codes[block], gaps[block] = _best_and_gap(scores)
    doubtful = gaps <= _rounding(vectors, half_norms)
    if doubtful.any():
        codes[doubtful] = _nearest_in_double(vectors[doubtful], codebook)
    return codes


def _best_and_gap(scores: Tensor) -> tuple[Tensor, Tensor]:
    """The lowest score's place and how far the second lowest is above it; spoils `scores`.

    NumPy's argmin is vectorised, torch's on a CPU is not and would take as long as the product.

    Shape: scores [N, K] -> [N], [N].
    """
    if scores.device.type != "cpu":
        two = scores.topk(2, dim=1, largest=False)
        return two.indices[:, 0], two.values[:, 1] - two.values[:, 0]
    first = torch.from_numpy(scores.numpy().argmin(1)).unsqueeze(1)
    lowest = scores.gather(1, first)
    scores.scatter_(1, first, torch.inf)
    second = torch.from_numpy(scores.numpy().argmin(1)).unsqueeze(1)
    return first[:, 0], (scores.gather(1, second) - lowest)[:, 0]


def _rounding(vectors: Tensor, half_norms: Tensor) -> Tensor:
    """Bound on what rounding does to the difference of two scores: D products of one vector each.

    Shape: vectors [N, D], half_norms [K] -> [N].
    """
    longest = half_norms.max()
    size = vectors.norm(dim=1) * (2.0 * longest).sqrt() + longest
    return 2.0 * vectors.shape[1] * torch.finfo(vectors.dtype).eps * size


def _nearest_in_double(vectors: Tensor, codebook: Tensor) -> Tensor:
    """As `nearest`, slowly.

    Shape: vectors [N, D], codebook [K, D] -> codes [N].
    """
    codebook = codebook.double()
    half_norms = 0.5 * codebook.square().sum(1)
    blocks = []
    for block in vectors.double().split(max(1, _CELLS // len(codebook))):
        with torch.autocast(vectors.device.type, enabled=False):
            scores = torch.addmm(half_norms, block, codebook.T, alpha=-1)
        tie = _EXACT * (scores.abs().amax(1, keepdim=True) + half_norms.max())
        lowest = scores.amin(1, keepdim=True)
        blocks.append((scores <= lowest + tie).to(torch.uint8).argmax(1))
    return torch.cat(blocks)
