"""Where a run starts from: principal components and k-means instead of random weights.

The eigenvectors of the features' covariance, as encoder and their transpose as decoder, are the
best linear code of their width; the trunks begin at zero. Random weights take thousands of
steps to code speech as well as this start does (docs/training.md).
"""

import torch
from torch import Tensor

from codec.model import CodecModel
from training.batches import Batches

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
def start_codebooks(model: CodecModel, batches: Batches) -> None:
    """Set every stage's codebook to k-means of what the stages before it leave over."""
    latents = [model.analyse(wave).transpose(1, 2).flatten(0, 1) for wave in _draw(model, batches)]
    rows = torch.cat(latents)
    wanted = _VECTORS_A_CODEWORD * model.config.codebook_size
    chosen = torch.randperm(len(rows), device=rows.device)[:wanted]
    model.quantizer.initialise(rows[chosen].T.unsqueeze(0))


def _draw(model: CodecModel, batches: Batches) -> list[Tensor]:
    """Batches from steps that no run reaches."""
    device = model.spectrum.window.device
    return [batches.draw(_FIRST_STEP + n).to(device) for n in range(_BATCHES)]
