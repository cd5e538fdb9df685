"""Networks that learn to tell decoded speech from real speech, and so teach the decoder texture.

Each takes waves [B, 1, T] and gives `Verdict`: scores that training moves towards 1 for real and 0
for decoded, and what its layers saw, which decoded speech should have alike. They run in bfloat16.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm

_SLOPE = 0.1
_SPEECH_GAIN = 10.0
"""Brings samples of speech to about 1."""


class Verdict(NamedTuple):
    """What one discriminator says of a batch."""

    scores: Tensor
    """[B, ...], near 1 for what it takes for real."""
    layers: list[Tensor]
    """[B, ...] each: outputs of its layers."""


class SpectrumDiscriminator(nn.Module):
    """Two-dimensional convolutions over a complex spectrum compressed to the power of 0.3.

    Args:
        window: samples; the hop is a quarter of it.
        channels: of the first layer; the others have twice as many.
    """

    hann: Tensor

    def __init__(self, window: int, channels: int = 16) -> None:
        super().__init__()
        self.register_buffer("hann", torch.hann_window(window), persistent=False)
        wide = 2 * channels
        self.layers = nn.ModuleList(
            [
                _conv2d(3, channels, (3, 9), 2),
                _conv2d(channels, wide, (3, 5), 2),
                _conv2d(wide, wide, (3, 5), 2, dilation=2),
                _conv2d(wide, wide, (3, 5), 2, dilation=4),
                _conv2d(wide, wide, (3, 3), 1),
            ]
        )
        self.score = _conv2d(wide, 1, (3, 3), 1)

    def forward(self, wave: Tensor) -> Verdict:
        """Shape: wave [B, 1, T] -> see `Verdict`."""
        x = _spectrum(wave, self.hann)
        return _run(self.layers, self.score, x.to(memory_format=torch.channels_last))


class FrameDiscriminator(nn.Module):
    """One-dimensional convolutions over frames of the same spectrum, all bins of a frame at once.

    Each bin has weights of its own, so it hears at once what two-dimensional ones, alike at all
    frequencies, are slow to find: the balance of bands, what fits together across a frame.

    Args:
        window: samples.
        dilations: of the layers, in frames.
        overlap: hops in a window.
        highest_hz: of the bins that are heard, at 16 kHz; where voices have their first harmonics a
            discriminator that hears nothing else is the sharper one.
    """

    hann: Tensor

    def __init__(
        self,
        window: int,
        dilations: Sequence[int],
        channels: int = 256,
        overlap: int = 4,
        highest_hz: int = 8_000,
    ) -> None:
        super().__init__()
        self.register_buffer("hann", torch.hann_window(window), persistent=False)
        self.overlap = overlap
        self.num_bins = window * highest_hz // 16_000 + 1
        widths = [3 * self.num_bins, *[channels] * len(dilations)]
        self.layers = nn.ModuleList(
            _conv1d(inputs, outputs, 3, 1, dilation)
            for (inputs, outputs), dilation in zip(pairwise(widths), dilations, strict=True)
        )
        self.score = _conv1d(channels, 1, 3, 1)

    def forward(self, wave: Tensor) -> Verdict:
        """Shape: wave [B, 1, T] -> see `Verdict`."""
        bins = _spectrum(wave, self.hann, self.overlap)[..., : self.num_bins]
        return _run(self.layers, self.score, bins.transpose(2, 3).flatten(1, 2))


class PeriodDiscriminator(nn.Module):
    """One-dimensional convolutions over every `period`-th sample (Kong et al. 2020, "HiFi-GAN"):
    what a spectrum blurs, the shape of pitch pulses, is plain there."""

    def __init__(self, period: int, channels: int = 16) -> None:
        super().__init__()
        self.period = period
        widths = [1, channels, 2 * channels, 4 * channels, 6 * channels]
        self.layers = nn.ModuleList(
            _conv1d(inputs, outputs, 5, 3) for inputs, outputs in pairwise(widths)
        )
        self.layers.append(_conv1d(widths[-1], widths[-1], 5, 1))
        self.score = _conv1d(widths[-1], 1, 3, 1)

    def forward(self, wave: Tensor) -> Verdict:
        """Shape: wave [B, 1, T] -> see `Verdict`."""
        batch, samples = len(wave), wave.shape[-1]
        x = functional.pad(wave * _SPEECH_GAIN, (0, -samples % self.period))
        x = x.view(batch, -1, self.period).transpose(1, 2).reshape(batch * self.period, 1, -1)
        scores, layers = _run(self.layers, self.score, x)
        return Verdict(scores.reshape(batch, -1), [layer.reshape(batch, -1) for layer in layers])


def _spectrum(wave: Tensor, window: Tensor, overlap: int = 4) -> Tensor:
    """Real part, imaginary part and magnitude of compressed bins, `overlap` frames in a window.

    Shape: wave [B, 1, T] -> [B, 3, frames, bins].
    """
    size = len(window)
    half, step = size // 2, size // overlap
    frames = functional.pad(wave[:, 0], (half, half)).unfold(-1, size, step)
    bins = torch.fft.rfft(frames * window) * (2.0 / size) ** 0.5
    magnitude = (bins.real**2 + bins.imag**2 + 1e-7).sqrt()
    scale = magnitude**-0.7
    return torch.stack([bins.real * scale, bins.imag * scale, magnitude * scale], dim=1)


def _run(layers: nn.ModuleList, score: nn.Module, x: Tensor) -> Verdict:
    seen = []
    with torch.autocast(x.device.type, torch.bfloat16):
        for layer in layers:
            x = functional.leaky_relu(layer(x), _SLOPE)
            seen.append(x)
        return Verdict(score(x).float(), seen)


def _conv2d(
    inputs: int, outputs: int, kernel: tuple[int, int], stride: int, dilation: int = 1
) -> nn.Module:
    """Over time by bins; strides go over bins, dilation over time."""
    padding = ((kernel[0] - 1) // 2 * dilation, (kernel[1] - 1) // 2)
    return _started(
        nn.Conv2d(inputs, outputs, kernel, (1, stride), padding, dilation=(dilation, 1))
    )


def _conv1d(inputs: int, outputs: int, kernel: int, stride: int, dilation: int = 1) -> nn.Module:
    padding = kernel // 2 * dilation
    return _started(nn.Conv1d(inputs, outputs, kernel, stride, padding, dilation))


def _started(layer: nn.Conv1d | nn.Conv2d) -> nn.Module:
    """With weights that keep the signal's size from layer to layer: PyTorch's own shrink it until
    the scores don't depend on the wave, and then nothing is learnt for hundreds of steps."""
    nn.init.kaiming_normal_(layer.weight, a=_SLOPE)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return weight_norm(layer)


_NEAR, _FAR = (1, 1, 1, 1), (1, 2, 4, 8)
"""Dilations: 11 and 33 frames are heard at once."""

DISCRIMINATORS: dict[str, Callable[[], nn.Module]] = {
    "spectrum2048": lambda: SpectrumDiscriminator(2048),
    "spectrum1024": lambda: SpectrumDiscriminator(1024),
    "spectrum512": lambda: SpectrumDiscriminator(512),
    "spectrum256": lambda: SpectrumDiscriminator(256),
    "spectrum128": lambda: SpectrumDiscriminator(128),
    "frames1024": lambda: FrameDiscriminator(1024, _NEAR),
    "frames512": lambda: FrameDiscriminator(512, _NEAR),
    "frames256": lambda: FrameDiscriminator(256, _NEAR),
    "frames128": lambda: FrameDiscriminator(128, _NEAR),
    "context1024": lambda: FrameDiscriminator(1024, _FAR),
    "context512": lambda: FrameDiscriminator(512, _FAR),
    "context256": lambda: FrameDiscriminator(256, _FAR),
    "low2048": lambda: FrameDiscriminator(2048, _FAR, 192, overlap=8, highest_hz=1_250),
    "low1024": lambda: FrameDiscriminator(1024, _FAR, 192, overlap=8, highest_hz=2_500),
    "period2": lambda: PeriodDiscriminator(2),
    "period3": lambda: PeriodDiscriminator(3),
    "period5": lambda: PeriodDiscriminator(5),
    "period7": lambda: PeriodDiscriminator(7),
    "period11": lambda: PeriodDiscriminator(11),
}


class Discriminators(nn.Module):
    """Several of `DISCRIMINATORS` side by side."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self.members = nn.ModuleDict({name: DISCRIMINATORS[name]() for name in names})

    def forward(self, wave: Tensor, names: Sequence[str] = ()) -> list[Verdict]:
        """What all of them say, or those of these names.

        Shape: wave [B, 1, T] -> a verdict of each.
        """
        return [self.members[name](wave) for name in names or self.members]
