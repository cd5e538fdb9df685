"""One model out of several stages of a run: the mean of their weights.

Weights that went on learning with discriminators circle around a better place than any of them is
at (Izmailov et al. 2018, "Averaging weights leads to wider optima"). Codewords are moved and
replaced by the dozen between two stages, so a mean of them would be none: the last model's stay.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import torch

from codec.backends.torch_checkpoint import load_checkpoint
from codec.backends.torch_model import CodecModel
from codec.config import PARTS
from codec.errors import TrainingError


@torch.no_grad()
def averaged(
    paths: Sequence[Path], shares: Sequence[float], parts: Sequence[str] = PARTS
) -> tuple[CodecModel, dict[str, str]]:
    """The mean of checkpoints, and the last one's metadata; `trained_on` is of all that count.

    Args:
        shares: of each; made to add up to 1.
        parts: those of `codec.config.PARTS` that are averaged; the others stay the last one's.

    Raises:
        CheckpointError: one can't be read.
        TrainingError: models of different settings, shares that are none, or parts that the models
            don't have.
    """
    check_shares(len(paths), shares)
    total = sum(shares)
    shares = [share / total for share in shares]
    model, _, metadata = load_checkpoint(paths[-1])
    trained_on = _families(metadata)
    if "refiner" in parts and parts != PARTS and not model.config.refiner_lookahead:
        raise TrainingError(f"{paths[-1]}: a model without a refiner")
    mean = {name: value * shares[-1] for name, value in model.state_dict().items()}
    for path, share in zip(paths[:-1], shares, strict=False):
        other, _, metadata_there = load_checkpoint(path)
        if other.config != model.config:
            raise TrainingError(f"{path}: another model than {paths[-1]}")
        if share > 0.0:
            trained_on |= _families(metadata_there)
        for name, value in other.state_dict().items():
            mean[name] += value * share
    learnt = {name: value for name, value in mean.items() if name.split(".")[0] in parts}
    model.load_state_dict(model.state_dict() | learnt)
    return model, metadata | ({"trained_on": ", ".join(sorted(trained_on))} if trained_on else {})


def _families(metadata: dict[str, str]) -> set[str]:
    """Of scores, relatives of which were losses."""
    return set(filter(None, metadata.get("trained_on", "").split(", ")))


def check_shares(num_checkpoints: int, shares: Sequence[float]) -> None:
    """Refuse shares that make no mean.

    Raises:
        TrainingError: another number of them, one that is negative or not finite, or nothing but 0.
    """
    if len(shares) != num_checkpoints or not shares:
        raise TrainingError(
            f"{len(shares)} shares for {num_checkpoints} checkpoints; expected one for each"
        )
    if wrong := [share for share in shares if not 0.0 <= share < math.inf]:
        raise TrainingError(f"a share of {wrong[0]:g}; expected finite numbers from 0 up")
    if not any(shares):
        raise TrainingError("all shares are 0; expected one above 0 at least")
    if math.isinf(sum(shares)):
        raise TrainingError("shares too large to add up; expected numbers like 0.3 and 0.7")
