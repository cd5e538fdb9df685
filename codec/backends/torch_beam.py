"""Search for the codes of a residual chain that keeps several hypotheses from stage to stage.

The greedy search takes the nearest codeword at each stage; a slightly worse one can leave a
residual that the later stages code better. M-best search keeps the M best so far:

    hypotheses [N, M] --x K codewords--> [N, M · K] candidates --M least errors--> [N, M]
"""

import torch
from torch import Tensor

_CELLS = 262_144  # candidates ranked at once: 1 MB, so that they stay in a core's cache
_GPU_CELLS = 1 << 26
_RUN = 64  # candidates whose least is taken first; see `_least`


@torch.no_grad()
def beam_search(vectors: Tensor, codebooks: Tensor, beam: int) -> Tensor:
    """Codes whose codewords sum up nearest to each vector among the hypotheses looked at.

    The last stage takes the best that the beam found, so codes for fewer stages should be searched
    for with fewer stages rather than cut from these. One matrix product of M · N rows a stage.

    Shape: vectors [N, D], codebooks [Q, K, D] -> codes [N, Q].
    """
    cells = _CELLS if vectors.device.type == "cpu" else _GPU_CELLS
    rows = max(16, cells // (beam * codebooks.shape[1]))
    half_norms = 0.5 * codebooks.square().sum(2)
    with torch.autocast(vectors.device.type, enabled=False):
        codes = [_search(block, codebooks, half_norms, beam) for block in vectors.split(rows)]
    return torch.cat(codes)


def _search(vectors: Tensor, codebooks: Tensor, half_norms: Tensor, beam: int) -> Tensor:
    """`beam_search` of one block. Shape: …, half_norms [Q, K] -> codes [N, Q]."""
    num, width = vectors.shape
    stages, size, _ = codebooks.shape
    row = torch.arange(num, device=vectors.device).unsqueeze(1)
    residuals = vectors.unsqueeze(1)  # [N, M, D]
    errors = vectors.new_zeros(num, 1)  # [N, M], half of ‖residual‖² - ‖x‖²
    codes = torch.empty(num, 1, 0, dtype=torch.long, device=vectors.device)  # [N, M, stage]
    for stage, codebook in enumerate(codebooks):
        kept = errors.shape[1]
        flat = residuals.reshape(-1, width)
        scores = torch.addmm(half_norms[stage], flat, codebook.T, alpha=-1).view(num, kept, size)
        scores += errors.unsqueeze(2)
        keep = 1 if stage == stages - 1 else min(beam, kept * size)
        errors, place = _least(scores.flatten(1), keep)
        parent, code = place // size, place % size
        residuals = residuals[row, parent] - codebook[code]
        codes = torch.cat([codes[row, parent], code.unsqueeze(2)], dim=2)
    return codes[:, 0]


def _least(scores: Tensor, keep: int) -> tuple[Tensor, Tensor]:
    """The `keep` least of each row and their places.

    They lie in the `keep` runs whose own least is least, and only those are sorted: `topk` over
    whole rows would take as long on a CPU as the matrix product.

    Shape: scores [N, L] -> [N, keep], [N, keep].
    """
    num, length = scores.shape
    if scores.device.type != "cpu" or length % _RUN or length // _RUN <= 2 * keep:
        return scores.topk(keep, dim=1, largest=False)
    runs = scores.view(num, -1, _RUN)
    run = runs.amin(2).topk(keep, dim=1, largest=False).indices
    within = runs.gather(1, run.unsqueeze(2).expand(-1, -1, _RUN)).flatten(1)
    values, place = within.topk(keep, dim=1, largest=False)
    return values, run.gather(1, place // _RUN) * _RUN + place % _RUN
