"""The part of a step that gradients flow back through: wave to rebuilt wave, as a phase has it."""

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from training.quantizers import LearningModel
from training.quantizers.surrogates import SUBSTITUTES
from training.ranks import num_ranks
from training.run.allocation import allocated_stages
from training.run.draws import Coded
from training.run.lost_frames import stand_in


class Forward(nn.Module):
    """Encode, stand in for quantization, decode. Makes no parameters of its own.

    Args:
        substitute: what the decoder hears; see `PhaseConfig`.
        autocast: run encoder and decoder in bfloat16; all else stays float32.
    """

    def __init__(self, model: LearningModel, substitute: str, autocast: bool) -> None:
        super().__init__()
        self.model, self.substitute, self.autocast = model, substitute, autocast

    def forward(self, wave: Tensor, coded: Coded) -> tuple[Tensor, Tensor]:
        """The rebuilt wave and the quantizer's own loss.

        Shape: wave [B, 1, T] -> wave [B, 1, T], scalar.
        """
        model, kind = self.model, wave.device.type
        with torch.autocast(kind, torch.bfloat16, enabled=self.autocast):
            latent = model.analyse(wave)
        decoder_input, latent_loss = self._quantize(latent.float(), coded)
        with torch.autocast(kind, torch.bfloat16, enabled=self.autocast):
            rebuilt = model.synthesise(decoder_input)
        return rebuilt.float()[..., : wave.shape[-1]], latent_loss

    def _quantize(self, latent: Tensor, coded: Coded) -> tuple[Tensor, Tensor]:
        """What the decoder hears, and the quantizer's own loss.

        Shape: latent [B, D, F] -> [B, D, F], scalar.
        """
        if self.substitute == "none":
            return latent, latent.new_zeros(())
        quantizer = self.model.quantizer
        num_stages = coded.num_stages
        if coded.varies.any():
            num_stages = allocated_stages(quantizer, latent, coded.num_stages, coded.varies)
        quantized = quantizer(latent, num_stages, SUBSTITUTES[self.substitute])
        return stand_in(quantized.output, coded.lost, coded.bridged), quantized.loss


def over_ranks(forward: Forward) -> nn.Module:
    """`forward`, with gradients averaged over all processes while they are computed.

    Weights are alike in all of them already, and what the quantizer counts is each one's own: so
    nothing is copied from the first.
    """
    if num_ranks() == 1:
        return forward
    codebooks_idle = forward.substitute == "none" and any(
        parameter.requires_grad for parameter in forward.model.quantizer.parameters()
    )
    return DistributedDataParallel(
        forward, broadcast_buffers=False, init_sync=False, find_unused_parameters=codebooks_idle
    )
