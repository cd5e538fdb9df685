"""Small models none of whose layers is idle, unlike those of fresh models."""

import torch
from torch import Tensor

from codec.backends.torch_model import CodecModel
from codec.config import ModelConfig


def shaken(config: ModelConfig, by: float = 0.05, seed: int = 3) -> CodecModel:
    """A model whose weights have all moved, with this standard deviation."""
    torch.manual_seed(seed)
    model = CodecModel(config).eval()
    for value in model.parameters():
        value.data += by * torch.randn_like(value)
    return model


def waves() -> list[Tensor]:
    """Three batches of noise. Shape: -> [2, 1, T] each."""
    torch.manual_seed(4)
    return [0.3 * torch.randn(2, 1, 1_000) for _ in range(3)]
