"""Search for the codes of a residual chain that keeps several hypotheses from stage to stage.

The greedy search takes the nearest codeword at each stage; a slightly worse one can leave a
residual that the later stages code better. M-best search keeps the M best so far:

    hypotheses [N, M] --x K codewords--> [N, M · K] candidates --M least errors--> [N, M]
"""

import torch
from torch import Tensor

_CELLS = 1 << 20  # candidates ranked at once: bounds memory


@torch.no_grad()
def beam_search(vectors: Tensor, codebooks: Tensor, beam: int) -> Tensor:
    """Codes whose codewords sum up nearest to each vector among the hypotheses looked at.

    Its last stage is the best that the beam found, so codes of fewer stages should be searched for
    with fewer stages rather than cut from these.

    Shape: vectors [N, D], codebooks [Q, K, D] -> codes [N, Q].
    """
    rows = max(1, _CELLS // (beam * codebooks.shape[1]))
    codes = [_search(block, codebooks, beam) for block in vectors.split(rows)]
    return torch.cat(codes)


def _search(vectors: Tensor, codebooks: Tensor, beam: int) -> Tensor:
    num, width = vectors.shape
    stages, size, _ = codebooks.shape
    half_norms = 0.5 * codebooks.square().sum(2)
    residuals = vectors.unsqueeze(1)  # [N, M, D]
    errors = vectors.new_zeros(num, 1)  # [N, M] half the squared error, less half of ‖x‖²
    codes = torch.empty(num, 1, 0, dtype=torch.long, device=vectors.device)  # [N, M, stages so far]
    for stage in range(stages):
        kept = residuals.shape[1]
        scores = torch.addmm(
            half_norms[stage], residuals.reshape(-1, width), codebooks[stage].T, alpha=-1
        )
        scores = (scores.view(num, kept, size) + errors.unsqueeze(2)).view(num, kept * size)
        width_now = 1 if stage == stages - 1 else min(beam, kept * size)
        errors, place = scores.topk(width_now, dim=1, largest=False)
        parent, code = place // size, place % size
        row = torch.arange(num, device=vectors.device).unsqueeze(1)
        residuals = residuals[row, parent] - codebooks[stage][code]
        codes = torch.cat([codes[row, parent], code.unsqueeze(2)], dim=2)
    return codes[:, 0]
