"""Stages that vary from frame to frame, for a batch in training."""

import numpy as np
import torch
from torch import Tensor

from codec.allocation import allocate, depth, group_errors, threshold_for
from codec.backends.torch_codebooks import Codebooks
from codec.bitstream.stage_counts import GROUP


@torch.no_grad()
def allocated_stages(
    codebooks: Codebooks, latent: Tensor, num_stages: Tensor, varies: Tensor
) -> Tensor:
    """Stages of each frame: where they vary, `num_stages` is the mean over all of the batch.

    One threshold for a whole batch, whose items are of many speakers and loudnesses, stands for the
    one that a file has.

    Shape: latent [B, D, F], num_stages, varies [B] -> [B, F].
    """
    errors = codebooks.errors(latent, codebooks.encode(latent)).cpu().numpy()
    grouped = [group_errors(item) for item in errors]
    pool = np.concatenate(grouped, axis=1)
    frames = latent.shape[2]
    stages = num_stages.cpu().numpy()[:, None].repeat(frames, 1)
    for item in np.flatnonzero(varies.cpu().numpy()):
        mean = int(stages[item, 0])
        if mean < len(pool):
            deepest = depth(len(pool), mean)
            threshold = threshold_for(pool[:deepest], mean * pool.shape[1])
            shared = allocate(grouped[item][:deepest], threshold)
            stages[item] = shared.repeat(GROUP)[:frames]
    return torch.from_numpy(stages).to(num_stages.device)
