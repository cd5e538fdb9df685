"""Weights from disk, checked against what their config has a place for."""

from pathlib import Path

import numpy as np

from codec.catalog import read_checkpoint
from codec.config import ModelConfig
from codec.errors import CheckpointError


def read_weights(path: Path) -> tuple[dict[str, np.ndarray], ModelConfig, dict[str, str]]:
    """A checkpoint's tensors, config and header, checked against each other.

    Raises:
        CheckpointError: not a checkpoint of this project, damaged, or with weights that its config
            has no place for.
    """
    tensors, config, header = read_checkpoint(path)
    if not all(np.isfinite(value).all() for value in tensors.values()):
        raise CheckpointError(f"{path}: damaged, it holds weights that are not finite")
    if {name: value.shape for name, value in tensors.items()} != tensor_shapes(config):
        raise CheckpointError(f"{path}: weights and config don't fit together")
    return tensors, config, header


def tensor_shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor of a model, by its name in a checkpoint."""
    bins, latent, width = config.hop + 1, config.latent_width, config.trunk_width
    shapes = {
        "encoder.linear.weight": (latent, 2 * bins),
        "decoder.linear.weight": (2 * bins, latent),
        "quantizer.codebooks": (config.num_stages, config.codebook_size, latent),
    }
    shapes |= _linear("encoder.trunk.enter", 3 * bins, width)
    shapes |= _blocks("encoder.trunk", config, width, config.hidden("encoder"))
    shapes |= _linear("encoder.trunk.leave", width, latent)
    shapes |= _linear("decoder.trunk.enter", latent, width)
    shapes |= _blocks("decoder.trunk", config, width, config.hidden("decoder"))
    shapes |= _linear("decoder.trunk.leave", width, 3 * bins)
    return shapes | (_refiner(config) if config.refiner_lookahead else {})


def _refiner(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    bins, width = 2 * config.refiner_hop + 1, config.refiner_width
    shapes = _linear("refiner.enter", 3 * bins, width)
    shapes |= _linear("refiner.see", config.trunk_width, config.hop // config.refiner_hop * width)
    if config.refiner_noise:
        shapes["refiner.hear_noise.weight"] = (width, config.refiner_hop)
    shapes |= _blocks("refiner", config, width, config.hidden("refiner"))
    return shapes | _linear("refiner.leave", width, (5 if config.refiner_noise else 4) * bins)


def _blocks(
    name: str, config: ModelConfig, width: int, hidden: tuple[int, ...]
) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {f"{name}.norm.weight": (width,)}
    shapes[f"{name}.norm.bias"] = (width,)
    for number, channels in enumerate(hidden):
        block = f"{name}.blocks.{number}"
        shapes[f"{block}.over_time.weight"] = (width, 1, config.kernel)
        for vector in ("over_time.bias", "norm.weight", "norm.bias", "scale"):
            shapes[f"{block}.{vector}"] = (width,)
        shapes |= _linear(f"{block}.widen", width, channels)
        shapes |= _linear(f"{block}.narrow", channels, width)
    return shapes


def _linear(name: str, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}
