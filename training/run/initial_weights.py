"""Where a run starts from: principal components and k-means instead of random weights.

The eigenvectors of the features' covariance, as encoder and their transpose as decoder, are the
best linear code of their width; the trunks begin at zero. Random weights take thousands of
steps to code speech as well as this start does (docs/research.md).
"""

import torch
from torch import Tensor

from codec.backends.torch_model import CodecModel
from codec.errors import TrainingError
from training.corpora.batches import Batches
from training.quantizers import LearningModel
from training.recipe import differences

_BATCHES = 60
_VECTORS_A_CODEWORD = 30
_FIRST_STEP = 1_000_000_000


@torch.no_grad()
def start_linear(model: CodecModel, batches: Batches) -> None:
    """Set the encoder's and decoder's linear maps to principal components of the features."""
    width = model.config.latent_width
    rows = torch.cat(
        [model.spectrum.analyse(wave).flatten(0, 1) for wave in _draw(model, batches)]
    ).double()
    _, vectors = torch.linalg.eigh(rows.T @ rows / len(rows))
    components = vectors.flip(1)[:, :width].float()
    model.encoder.linear.weight.copy_(components.T)
    model.decoder.linear.weight.copy_(components)


@torch.no_grad()
def start_codebooks(model: LearningModel, batches: Batches, first: int = 0) -> None:
    """Set the codebooks from stage `first` on to k-means of what the stages before leave over."""
    latents = [model.analyse(wave).transpose(1, 2).flatten(0, 1) for wave in _draw(model, batches)]
    rows = torch.cat(latents)
    wanted = _VECTORS_A_CODEWORD * model.config.codebook_size
    chosen = torch.randperm(len(rows), device=rows.device)[:wanted]
    model.quantizer.initialise(rows[chosen].T.unsqueeze(0), first=first)


def _draw(model: CodecModel, batches: Batches) -> list[Tensor]:
    """Batches from steps that no run reaches."""
    device = model.spectrum.window.device
    return [batches.draw(_FIRST_STEP + n).to(device) for n in range(_BATCHES)]


_REFINER = ("refiner_hop", "refiner_width", "refiner_lookahead")
_MAY_DIFFER = {
    "encoder_lookahead",
    "decoder_lookahead",
    "refiner_hop",
    "refiner_width",
    "refiner_lookahead",
}


@torch.no_grad()
def take_weights(model: CodecModel, other: CodecModel, name: str) -> None:
    """Set `model`'s weights to `other`'s, whose look-aheads and refiner may be others.

    A kernel that sees less of the future keeps its taps where they were in time; what it saw beyond
    counts as the last frame it still sees. A refiner with other settings begins anew.

    Raises:
        TrainingError: models that differ in more than that.
    """
    mine, theirs = model.config.to_dict(), other.config.to_dict()
    found = differences(theirs, mine)
    settings = {line.partition(" ")[0].partition(".")[0] for line in found}
    blocks_alike = all(len(mine[part]) == len(theirs[part]) for part in _LOOKAHEADS.values())
    if not settings <= _MAY_DIFFER or not blocks_alike:
        raise TrainingError(f"{name}: another model than the recipe's: {'; '.join(found)}")
    weights = other.state_dict()
    for part, setting in _LOOKAHEADS.items():
        for block, (now, before) in enumerate(zip(mine[setting], theirs[setting], strict=True)):
            key = f"{part}.trunk.blocks.{block}.over_time.weight"
            weights[key] = _shifted(weights[key], before - now)
    if any(mine[setting] != theirs[setting] for setting in _REFINER) or model.refiner is None:
        weights = {key: value for key, value in weights.items() if not key.startswith("refiner.")}
    model.load_state_dict(weights, strict=False)


_LOOKAHEADS = {"encoder": "encoder_lookahead", "decoder": "decoder_lookahead"}


def _shifted(kernel: Tensor, less: int) -> Tensor:
    """A kernel over time with `less` frames less of the future. Shape: [C, 1, k] -> [C, 1, k]."""
    if less <= 0:
        return torch.nn.functional.pad(kernel, (0, -less))[..., -less:]
    shifted = torch.nn.functional.pad(kernel, (less, 0))[..., : kernel.shape[-1]]
    shifted[..., -1] += kernel[..., -less:].sum(-1)
    return shifted
