"""A codec small enough for tests: random weights, the real layers."""

from pathlib import Path

import pytest
import torch

from codec import Codec
from codec.backends.torch_checkpoint import save_checkpoint
from codec.backends.torch_model import CodecModel
from codec.config import ModelConfig

TOY = ModelConfig(
    trunk_width=32,
    latent_width=16,
    num_stages=4,
    codebook_size=64,
    encoder_lookahead=(1, 2),
    decoder_lookahead=(2, 1),
)


def save_toy(path: Path, seed: int) -> Path:
    """A checkpoint whose layers all do something, unlike fresh ones."""
    torch.manual_seed(seed)
    model = CodecModel(TOY)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    save_checkpoint(path, model, {"corpus": "none"})
    return path


@pytest.fixture(scope="session")
def toy_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_toy(tmp_path_factory.mktemp("checkpoints") / "toy.safetensors", 0)


@pytest.fixture(scope="session")
def toy(toy_path: Path) -> Codec:
    torch.set_num_threads(1)
    return Codec.load(toy_path)
