"""The network as a whole: spectrum, encoder, quantizer, decoder, refiner. It only wires them."""

import torch
from torch import Tensor, nn

from codec.backends.torch_codebooks import Codebooks
from codec.backends.torch_networks import Decoder, Encoder, StackShape
from codec.backends.torch_refiner import Refiner
from codec.backends.torch_spectrum import Spectrum
from codec.config import ModelConfig
from codec.noise import noise


class CodecModel(nn.Module):
    """Wave to codes and back at the config's sample rate.

    Args:
        quantizer: codebooks that learn; None: those that only code.
    """

    def __init__(self, config: ModelConfig, quantizer: Codebooks | None = None) -> None:
        super().__init__()
        self.config = config
        self.spectrum = Spectrum(config.hop, config.compression, config.window_size - config.hop)
        self.encoder = Encoder(
            self.spectrum.num_bins, config.latent_width, _stack(config, "encoder")
        )
        self.quantizer = quantizer or Codebooks(
            config.num_stages, config.codebook_size, config.latent_width
        )
        self.decoder = Decoder(
            self.spectrum.num_bins, config.latent_width, _stack(config, "decoder")
        )
        self.refiner = _refiner(config) if config.refiner_lookahead else None

    @torch.no_grad()
    def encode(self, wave: Tensor, num_stages: int | None = None, effort: int = 1) -> Tensor:
        """Codes of a wave.

        Args:
            effort: hypotheses kept from stage to stage in the search; 1 is the greedy search.

        Shape: wave [B, 1, T] in [-1, 1] -> codes [B, Q, F] integers in [0, K).
        """
        return self.quantizer.encode(self.analyse(wave), num_stages, beam=effort)

    @torch.no_grad()
    def decode(self, codes: Tensor, first_frame: int = 0) -> Tensor:
        """The wave of codes.

        Args:
            first_frame: the number in the recording of the first frame given.

        Shape: codes [B, Q, F], any Q up to the model's -> wave [B, 1, (F - 1) · hop].
        """
        hop = self.config.hop
        hiss = torch.from_numpy(noise(first_frame * hop, codes.shape[2] * hop)).to(codes.device)
        return self.synthesise(self.quantizer.decode(codes), hiss.expand(len(codes), -1))

    def analyse(self, wave: Tensor) -> Tensor:
        """Shape: wave [B, 1, T] -> latent [B, D, F], before quantization."""
        return self.encoder(self.spectrum.analyse(wave))

    def synthesise(self, latent: Tensor, hiss: Tensor | None = None) -> Tensor:
        """The wave of a latent.

        Args:
            hiss: what the refiner makes breath from; by default newly drawn, as training wants it.

        Shape: latent [B, D, F], hiss [B, F · hop] of variance 1 -> wave [B, 1, (F - 1) · hop].
        """
        features, hidden = self.decoder(latent)
        wave = self.spectrum.synthesise(features)
        if self.refiner is None:
            return wave
        if hiss is None:
            shape = len(latent), latent.shape[2] * self.config.hop
            hiss = torch.randn(shape, device=latent.device)
        return self.refiner(wave, hidden, hiss)


def _stack(config: ModelConfig, part: str) -> StackShape:
    width = config.refiner_width if part == "refiner" else config.trunk_width
    return StackShape(width, config.kernel, config.lookahead(part), config.hidden(part))


def _refiner(config: ModelConfig) -> Refiner:
    return Refiner(
        config.refiner_hop,
        config.hop // config.refiner_hop,
        config.compression,
        hidden_width=config.trunk_width,
        stack=_stack(config, "refiner"),
        noise=config.refiner_noise,
    )
