"""Quantizers: one contract, one registry."""

from torch import nn

from codec.config import ModelConfig
from codec.errors import ConfigError
from codec.quantizers.residual import Quantized, ResidualNSVQ

QUANTIZERS = {"nsvq": ResidualNSVQ}

__all__ = ["QUANTIZERS", "Quantized", "build_quantizer"]


def build_quantizer(config: ModelConfig) -> nn.Module:
    """The chain that `config` names.

    Raises:
        ConfigError: an unknown name.
    """
    if config.quantizer not in QUANTIZERS:
        known = ", ".join(QUANTIZERS)
        raise ConfigError(f"unknown quantizer {config.quantizer!r}; known: {known}")
    kind = QUANTIZERS[config.quantizer]
    return kind(config.num_stages, config.codebook_size, config.latent_width)
