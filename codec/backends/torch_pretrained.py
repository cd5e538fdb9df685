"""The codec with the calls and names of `transformers`' audio codecs (DacModel, EncodecModel).

    model = NsvqModel.from_pretrained(folder)
    inputs = AutoFeatureExtractor.from_pretrained(folder)(waves, return_tensors="pt", ...)
    codes = model.encode(inputs["input_values"], inputs["padding_mask"], bandwidth=3.0).audio_codes
    waves = model.decode(audio_codes=codes).audio_values

Every item of a batch has the codes that it has alone. Needs torch and transformers.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from transformers.utils import ModelOutput

from codec import Codec
from codec.errors import AudioError, BitstreamError


@dataclass
class NsvqEncoderOutput(ModelOutput):
    """What `NsvqModel.encode` gives."""

    audio_codes: Tensor | None = None
    """[B, Q, F] int64; frames beyond an item's end are 0."""
    audio_codes_mask: Tensor | None = None
    """[B, F] bool: which frames belong to the item."""


@dataclass
class NsvqDecoderOutput(ModelOutput):
    """What `NsvqModel.decode` gives."""

    audio_values: Tensor | None = None
    """[B, T] float32; samples beyond an item's end are 0."""


class NsvqModel:
    """A codec behind the interface of `transformers`' models; its weights are not trained here."""

    def __init__(self, codec: Codec) -> None:
        self.codec = codec
        self.config = codec.config

    @classmethod
    def from_pretrained(cls, name: str | Path, **options: str) -> "NsvqModel":
        """See `Codec.from_pretrained`; `revision` and `device` are passed on."""
        device, revision = options.get("device", "cpu"), options.get("revision")
        return cls(Codec.from_pretrained(name, device, revision=revision))

    def save_pretrained(self, folder: str | Path) -> None:
        """See `Codec.save_pretrained`."""
        self.codec.save_pretrained(folder)

    def encode(
        self,
        input_values: Tensor,
        padding_mask: Tensor | None = None,
        bandwidth: float | None = None,
        n_quantizers: int | None = None,
        return_dict: bool | None = None,
    ) -> NsvqEncoderOutput | tuple[Tensor, ...]:
        """The codes of a batch of waves at the model's sample rate.

        Args:
            padding_mask: where it is 0, at the end of an item, there is padding.
            bandwidth: kbps; the nearest on offer below is taken.
            n_quantizers: stages, instead of `bandwidth`.
            return_dict: a tuple of the same if False.

        Shape: input_values [B, 1, T] or [B, T], padding_mask the same or [B, T] -> [B, Q, F].

        Raises:
            AudioError: another shape, or waves that can't be coded.
            ConfigError: a bandwidth or number of stages that can't be had.
        """
        stages = self.codec.stages_for(bandwidth, n_quantizers)
        waves = _mono(input_values)
        lengths = _lengths(padding_mask, waves)
        items = [wave[None, :length] for wave, length in zip(waves, lengths, strict=True)]
        found = self.codec.encode(items, self.config.sample_rate, num_stages=stages)
        frames = [codes.shape[-1] for codes in found]
        shape = (len(items), stages, max(frames, default=0))
        padded = torch.zeros(shape, dtype=torch.int64, device=input_values.device)
        for index, codes in enumerate(found):
            padded[index, :, : frames[index]] = torch.as_tensor(codes[0])
        mask = torch.arange(shape[-1], device=padded.device) < padded.new_tensor(frames)[:, None]
        output = NsvqEncoderOutput(audio_codes=padded, audio_codes_mask=mask)
        return output.to_tuple() if return_dict is False else output

    def decode(
        self,
        audio_codes: Tensor,
        audio_codes_mask: Tensor | None = None,
        padding_mask: Tensor | None = None,
        return_dict: bool | None = None,
    ) -> NsvqDecoderOutput | tuple[Tensor, ...]:
        """The waves of a batch of codes, at the model's sample rate.

        Args:
            audio_codes_mask: as `encode` gave it; without it every frame counts.
            padding_mask: that of `encode`'s input, to cut each item to its samples.

        Shape: audio_codes [B, Q, F] -> audio_values [B, T].

        Raises:
            BitstreamError: codes of another shape or range.
        """
        if audio_codes.ndim != 3:
            raise BitstreamError(f"codes are {tuple(audio_codes.shape)}; expected [B, Q, F]")
        frames = _lengths(audio_codes_mask, audio_codes[:, 0])
        items = [codes[None, :, :count] for codes, count in zip(audio_codes, frames, strict=True)]
        waves = [torch.as_tensor(wave)[0] for wave in self.codec.decode(items)]
        if padding_mask is not None:
            kept = padding_mask.flatten(1).sum(1).tolist()
            waves = [wave[:count] for wave, count in zip(waves, kept, strict=True)]
        values = torch.nn.utils.rnn.pad_sequence(waves, batch_first=True)
        output = NsvqDecoderOutput(audio_values=values)
        return output.to_tuple() if return_dict is False else output


def _mono(input_values: Tensor) -> Tensor:
    """Shape: [B, 1, T] or [B, T] -> [B, T]."""
    if input_values.ndim == 3 and input_values.shape[1] == 1:
        return input_values[:, 0]
    if input_values.ndim == 2:
        return input_values
    raise AudioError(f"input_values are {tuple(input_values.shape)}; expected [B, 1, T] or [B, T]")


def _lengths(mask: Tensor | None, items: Tensor) -> list[int]:
    """How much of each item is no padding; padding stands at the end. Shape: items [B, N]."""
    if mask is None:
        return [items.shape[-1]] * len(items)
    mask = mask.reshape(len(items), -1).bool()
    if mask.shape != items.shape or (mask.int().diff(dim=1) > 0).any():
        raise AudioError(
            f"padding mask {tuple(mask.shape)} for items {tuple(items.shape)}; expected the same "
            "shape, and padding at the end only"
        )
    return [int(count) for count in mask.sum(1)]
