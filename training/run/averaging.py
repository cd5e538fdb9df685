"""One model out of several stages of a run: the mean of their weights.

Weights that went on learning with discriminators circle around a better place than any of them is
at (Izmailov et al. 2018, "Averaging weights leads to wider optima"). Codewords are moved and
replaced by the dozen between two stages, so a mean of them would be none: the last model's stay.
"""

from collections.abc import Sequence
from pathlib import Path

import torch

from codec.backends.torch_checkpoint import load_checkpoint
from codec.backends.torch_model import CodecModel
from codec.errors import TrainingError


@torch.no_grad()
def averaged(paths: Sequence[Path], shares: Sequence[float]) -> tuple[CodecModel, dict[str, str]]:
    """The mean of checkpoints, and the last one's metadata.

    Args:
        shares: of each; made to add up to 1.

    Raises:
        CheckpointError: one can't be read.
        TrainingError: models of different settings, or shares that are none.
    """
    if len(shares) != len(paths) or not paths or min(shares) < 0 or not sum(shares) > 0:
        raise TrainingError(
            f"{len(shares)} shares for {len(paths)} checkpoints; expected one for each, from 0 up"
        )
    model, _, metadata = load_checkpoint(paths[-1])
    mean = {name: value * shares[-1] for name, value in model.state_dict().items()}
    for path, share in zip(paths[:-1], shares, strict=False):
        other, _, _ = load_checkpoint(path)
        if other.config != model.config:
            raise TrainingError(f"{path}: another model than {paths[-1]}")
        for name, value in other.state_dict().items():
            mean[name] += value * share
    total = sum(shares)
    weights = {name: value / total for name, value in mean.items()}
    codebooks = {name: value for name, value in model.state_dict().items() if "codebooks" in name}
    model.load_state_dict(weights | codebooks)
    return model, metadata
