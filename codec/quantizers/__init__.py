"""Quantizers: one contract (`ResidualChain`), one registry, one file each."""

from codec.config import ModelConfig
from codec.errors import ConfigError
from codec.quantizers.diveq import DiVeQ
from codec.quantizers.ema import EMA
from codec.quantizers.kmeans import KMeans
from codec.quantizers.nsvq import NSVQ
from codec.quantizers.product import Product
from codec.quantizers.residual import Quantized, ResidualChain
from codec.quantizers.rotation import Rotation
from codec.quantizers.simvq import SimVQ
from codec.quantizers.ste import STE

QUANTIZERS: dict[str, type[ResidualChain]] = {
    "nsvq": NSVQ,
    "ste": STE,
    "ema": EMA,
    "kmeans": KMeans,
    "diveq": DiVeQ,
    "rotation": Rotation,
    "simvq": SimVQ,
    "product": Product,
}

__all__ = ["QUANTIZERS", "Quantized", "ResidualChain", "build_quantizer"]


def build_quantizer(config: ModelConfig) -> ResidualChain:
    """The chain that `config` names.

    Raises:
        ConfigError: an unknown name.
    """
    if config.quantizer not in QUANTIZERS:
        known = ", ".join(QUANTIZERS)
        raise ConfigError(f"unknown quantizer {config.quantizer!r}; known: {known}")
    kind = QUANTIZERS[config.quantizer]
    return kind(config.num_stages, config.codebook_size, config.latent_width)
