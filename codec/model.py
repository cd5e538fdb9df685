"""The network as a whole: spectrum, encoder, quantizer, decoder. It only wires them."""

import torch
from torch import Tensor, nn

from codec.config import ModelConfig
from codec.networks import Decoder, Encoder
from codec.quantizers import Quantized, build_quantizer
from codec.spectrum import Spectrum


class CodecModel(nn.Module):
    """Wave to codes and back at the config's sample rate."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        trunk = {
            "width": config.trunk_width,
            "expansion": config.expansion,
            "kernel": config.kernel,
        }
        self.spectrum = Spectrum(config.hop, config.compression)
        bins, width = self.spectrum.num_bins, config.latent_width
        self.encoder = Encoder(bins, width, lookahead=config.encoder_lookahead, **trunk)
        self.quantizer = build_quantizer(config)
        self.decoder = Decoder(bins, width, lookahead=config.decoder_lookahead, **trunk)

    def forward(self, wave: Tensor, num_stages: Tensor) -> tuple[Tensor, Quantized]:
        """A training pass: the rebuilt wave and what the quantizer did.

        Args:
            num_stages: stages in use for each item, 1 … Q.

        Shape: wave [B, 1, T], num_stages [B] -> wave [B, 1, T].
        """
        quantized = self.quantizer(self.analyse(wave), num_stages)
        return self.synthesise(quantized.output, wave.shape[-1]), quantized

    @torch.no_grad()
    def encode(self, wave: Tensor, num_stages: int | None = None, effort: int = 1) -> Tensor:
        """Codes of a wave.

        Args:
            effort: hypotheses kept from stage to stage in the search; 1 is the greedy search.

        Shape: wave [B, 1, T] in [-1, 1] -> codes [B, Q, F] integers in [0, K).
        """
        return self.quantizer.encode(self.analyse(wave), num_stages, beam=effort)

    @torch.no_grad()
    def decode(self, codes: Tensor) -> Tensor:
        """Shape: codes [B, Q, F], any Q up to the model's -> wave [B, 1, (F - 1) · hop]."""
        return self.synthesise(self.quantizer.decode(codes))

    def analyse(self, wave: Tensor) -> Tensor:
        """Shape: wave [B, 1, T] -> latent [B, D, F], before quantization."""
        return self.encoder(self.spectrum.analyse(wave))

    def synthesise(self, latent: Tensor, num_samples: int | None = None) -> Tensor:
        """Shape: latent [B, D, F] -> wave [B, 1, num_samples], or (F - 1) · hop samples."""
        return self.spectrum.synthesise(self.decoder(latent))[..., :num_samples]
