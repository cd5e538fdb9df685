"""A codec small enough for tests: random weights, the real layers."""

from dataclasses import replace
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

EARLY = replace(
    TOY,
    overlap=80,
    encoder_lookahead=(0, 0),
    decoder_lookahead=(0, 0),
    refiner_lookahead=(0,),
    refiner_width=24,
)
"""The least delay that frames of 20 ms allow here: 40 ms."""


def save_toy(path: Path, seed: int, config: ModelConfig = TOY) -> Path:
    """A checkpoint whose layers all do something, unlike fresh ones."""
    torch.manual_seed(seed)
    model = CodecModel(config)
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


@pytest.fixture(scope="session")
def early_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_toy(tmp_path_factory.mktemp("checkpoints") / "early.safetensors", 1, EARLY)


@pytest.fixture(scope="session")
def early(early_path: Path) -> Codec:
    """Of frames that are known early, without any look-ahead."""
    return Codec.load(early_path)
