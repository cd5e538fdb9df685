"""Quantizers that learn: one contract (`ResidualChain`), one registry, one file each."""

from torch import Tensor

from codec.backends.torch_model import CodecModel
from codec.config import ModelConfig
from codec.errors import ConfigError
from training.quantizers.chain import Quantized, ResidualChain
from training.quantizers.diveq import DiVeQ
from training.quantizers.moving_average import EMA
from training.quantizers.nsvq import NSVQ
from training.quantizers.offline_codebooks import Fitted
from training.quantizers.product import Product
from training.quantizers.rotation import Rotation
from training.quantizers.simvq import SimVQ
from training.quantizers.straight_through import STE

QUANTIZERS: dict[str, type[ResidualChain]] = {
    "nsvq": NSVQ,
    "ste": STE,
    "ema": EMA,
    "kmeans": Fitted,
    "diveq": DiVeQ,
    "rotation": Rotation,
    "simvq": SimVQ,
    "product": Product,
}

__all__ = ["QUANTIZERS", "LearningModel", "Quantized", "ResidualChain", "build_model"]


class LearningModel(CodecModel):
    """A network whose codebooks learn."""

    quantizer: ResidualChain

    def __init__(self, config: ModelConfig, quantizer: ResidualChain) -> None:
        super().__init__(config, quantizer)

    def forward(self, wave: Tensor, num_stages: Tensor) -> tuple[Tensor, Quantized]:
        """A training pass: the rebuilt wave and what the quantizer did.

        Args:
            num_stages: stages in use for each item, 1 … Q.

        Shape: wave [B, 1, T], num_stages [B] -> wave [B, 1, T].
        """
        quantized = self.quantizer(self.analyse(wave), num_stages)
        return self.synthesise(quantized.output)[..., : wave.shape[-1]], quantized


def build_model(config: ModelConfig, quantizer: str) -> LearningModel:
    """A network with a new quantizer.

    Args:
        quantizer: key of `QUANTIZERS`.

    Raises:
        ConfigError: an unknown name.
    """
    if quantizer not in QUANTIZERS:
        raise ConfigError(f"unknown quantizer {quantizer!r}; known: {', '.join(QUANTIZERS)}")
    kind = QUANTIZERS[quantizer]
    return LearningModel(config, kind(config.num_stages, config.codebook_size, config.latent_width))
