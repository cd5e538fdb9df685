"""Stages that vary from frame to frame, for a batch in training."""

import numpy as np
import torch
from torch import Tensor

from codec.allotment import FRAMES, allot, group_errors, threshold_for
from codec.backends.torch_codebooks import Codebooks


@torch.no_grad()
def varied_stages(
    codebooks: Codebooks, latent: Tensor, num_stages: Tensor, varies: Tensor
) -> Tensor:
    """Stages of each frame: where they vary, `num_stages` is the mean over all of the batch.

    One threshold for a whole batch, whose items are of many speakers and loudnesses, stands for the
    one that a file has.

    Shape: latent [B, D, F], num_stages, varies [B] -> [B, F].
    """
    errors = _errors(codebooks, latent)
    grouped = [group_errors(item) for item in errors]
    pool = np.concatenate(grouped, axis=1)
    frames = latent.shape[2]
    stages = num_stages.cpu().numpy()[:, None].repeat(frames, 1)
    for item in np.flatnonzero(varies.cpu().numpy()):
        if stages[item, 0] < len(pool):
            shared = allot(grouped[item], threshold_for(pool, float(stages[item, 0])))
            stages[item] = shared.repeat(FRAMES)[:frames]
    return torch.from_numpy(stages).to(num_stages.device)


def _errors(codebooks: Codebooks, latent: Tensor) -> np.ndarray:
    """Squared error of each frame after 1 … Q stages. Shape: latent [B, D, F] -> [B, Q, F]."""
    codes = codebooks.encode(latent)
    residual, errors = latent, []
    for stage, codebook in enumerate(codebooks.codewords().to(latent.dtype)):
        residual = residual - codebook[codes[:, stage]].transpose(1, 2)
        errors.append(residual.square().sum(1))
    return torch.stack(errors, 1).cpu().numpy()
