"""Where a run starts from: principal components and k-means instead of random weights.

The eigenvectors of the features' covariance, as encoder and their transpose as decoder, are the
best linear code of their width; the trunks begin at zero. Random weights take thousands of
steps to code speech as well as this start does (docs/research.md).
"""

from typing import Any

import torch
from torch import Tensor

from codec.backends.torch_model import CodecModel
from codec.config import PARTS, ModelConfig
from codec.errors import TrainingError
from training.corpora.batches import Batches
from training.quantizers import LearningModel
from training.recipe import differences

_BATCHES = 60
"""What parts of the network are judged by."""
_VECTORS_A_CODEWORD = 30
_FIRST_STEP = 1_000_000_000


@torch.no_grad()
def start_linear(model: CodecModel, batches: Batches) -> None:
    """Set the encoder's and decoder's linear maps to principal components of the features."""
    width = model.config.latent_width
    rows = torch.cat(
        [model.spectrum.analyse(wave).flatten(0, 1) for wave in draw(model, batches)]
    ).double()
    _, vectors = torch.linalg.eigh(rows.T @ rows / len(rows))
    components = vectors.flip(1)[:, :width].float()
    model.encoder.linear.weight.copy_(components.T)
    model.decoder.linear.weight.copy_(components)


@torch.no_grad()
def start_codebooks(model: LearningModel, batches: Batches, first: int = 0) -> None:
    """Set the codebooks from stage `first` on to k-means of what the stages before leave over."""
    wanted = _VECTORS_A_CODEWORD * model.config.codebook_size
    frames = batches.size * batches.crop // model.config.hop
    latents = [
        model.analyse(wave).transpose(1, 2).flatten(0, 1)
        for wave in draw(model, batches, max(_BATCHES, -(-wanted // frames)))
    ]
    rows = torch.cat(latents)
    chosen = torch.randperm(len(rows), device=rows.device)[:wanted]
    model.quantizer.initialise(rows[chosen].T.unsqueeze(0), first=first)


def draw(model: CodecModel, batches: Batches, count: int = _BATCHES) -> list[Tensor]:
    """Batches from steps that no run reaches. Shape: -> [B, 1, T] each."""
    device = model.spectrum.window.device
    return [batches.draw(_FIRST_STEP + n).to(device) for n in range(count)]


_LOOKAHEADS = {part: f"{part}_lookahead" for part in PARTS}
_OF_REFINER = {"refiner_hop", "refiner_width", "refiner_hidden", "refiner_noise"}
_MAY_DIFFER = {*_LOOKAHEADS.values(), "overlap", "num_stages", *_OF_REFINER}


@torch.no_grad()
def take_weights(model: CodecModel, other: CodecModel, name: str) -> None:
    """Set `model`'s weights to `other`'s, whose look-aheads, stages and refiner may be others.

    A kernel that sees less of the future keeps its taps where they were in time; what it saw beyond
    counts as the last frame it still sees. Stages that `other` lacks keep their codewords, which
    `start_codebooks` sets. A refiner of another hop, width or depth, or with other channels or
    noise, begins anew.

    Raises:
        TrainingError: models that differ in more than that.
    """
    mine, theirs = _resolved(model.config), _resolved(other.config)
    found = differences(theirs, mine)
    settings = {line.partition(" ")[0].partition(".")[0] for line in found}
    deep_alike = {p for p, key in _LOOKAHEADS.items() if len(mine[key]) == len(theirs[key])}
    if not settings <= _MAY_DIFFER or not {"encoder", "decoder"} <= deep_alike:
        raise TrainingError(f"{name}: another model than the recipe's: {'; '.join(found)}")
    taken = deep_alike - ({"refiner"} if settings & _OF_REFINER else set())
    weights = {
        key: value
        for key, value in other.state_dict().items()
        if key.partition(".")[0] in taken | {"quantizer"}
    }
    for part in taken:
        lookaheads = zip(mine[_LOOKAHEADS[part]], theirs[_LOOKAHEADS[part]], strict=True)
        for block, (now, before) in enumerate(lookaheads):
            blocks = "refiner.blocks" if part == "refiner" else f"{part}.trunk.blocks"
            key = f"{blocks}.{block}.over_time.weight"
            weights[key] = _shifted(weights[key], before - now)
    shared = min(mine["num_stages"], theirs["num_stages"])
    books = model.quantizer.codebooks
    books[:shared] = weights.pop("quantizer.codebooks")[:shared]
    model.load_state_dict(weights, strict=False)


def _resolved(config: ModelConfig) -> dict[str, Any]:
    """The settings, with hidden channels as numbers instead of what they follow from."""
    settings = config.to_dict() | {f"{part}_hidden": config.hidden(part) for part in PARTS}
    return {name: value for name, value in settings.items() if name != "expansion"}


def _shifted(kernel: Tensor, less: int) -> Tensor:
    """A kernel over time with `less` frames less of the future. Shape: [C, 1, k] -> [C, 1, k]."""
    if less <= 0:
        return torch.nn.functional.pad(kernel, (0, -less))[..., -less:]
    shifted = torch.nn.functional.pad(kernel, (less, 0))[..., : kernel.shape[-1]]
    shifted[..., -1] += kernel[..., -less:].sum(-1)
    return shifted
