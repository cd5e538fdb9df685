"""The convolutional encoder and decoder, both at the frame rate.

Each is a linear map that alone already codes speech (training starts it from principal
components) plus a trunk of ConvNeXt blocks (Liu et al. 2022, arXiv:2201.03545) that learns what
the linear map can't do. Layout inside: [B, F, C].
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional


class Block(nn.Module):
    """Depthwise convolution over time, then a two-layer network per frame, as a residual.

    frames under the kernel:   t-k+1+a … t … t+a      a = lookahead
    """

    def __init__(self, width: int, hidden: int, kernel: int, lookahead: int) -> None:
        super().__init__()
        self.padding = (kernel - 1 - lookahead, lookahead)
        self.over_time = nn.Conv1d(width, width, kernel, groups=width)
        self.norm = nn.LayerNorm(width)
        self.widen = nn.Linear(width, hidden)
        self.narrow = nn.Linear(hidden, width)
        self.scale = nn.Parameter(torch.full((width,), 0.1))

    def forward(self, x: Tensor) -> Tensor:
        """Shape: [B, F, C] -> [B, F, C]."""
        context = self.over_time(functional.pad(x.transpose(1, 2), self.padding)).transpose(1, 2)
        hidden = functional.gelu(self.widen(self.norm(context)), approximate="tanh")
        return x + self.scale * self.narrow(hidden)


class StackShape(NamedTuple):
    """Of what a stack of blocks is made."""

    width: int
    kernel: int
    lookahead: Sequence[int]
    """Future frames that each block sees."""
    hidden: Sequence[int]
    """Channels inside each block."""

    def blocks(self) -> nn.ModuleList:
        """The blocks, with new weights."""
        each = zip(self.hidden, self.lookahead, strict=True)
        return nn.ModuleList(Block(self.width, hidden, self.kernel, n) for hidden, n in each)


class Trunk(nn.Module):
    """Frames in, frames out: a projection, blocks, a projection that starts at zero."""

    def __init__(self, inputs: int, outputs: int, shape: StackShape) -> None:
        super().__init__()
        self.enter = nn.Linear(inputs, shape.width)
        self.blocks = shape.blocks()
        self.norm = nn.LayerNorm(shape.width)
        self.leave = nn.Linear(shape.width, outputs)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Shape: [B, F, inputs] -> [B, F, outputs]."""
        return self.leave(self.hidden(x))

    def hidden(self, x: Tensor) -> Tensor:
        """What the last projection sees. Shape: [B, F, inputs] -> [B, F, width]."""
        x = self.enter(x)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)


class Encoder(nn.Module):
    """Spectral features to the latent."""

    def __init__(self, num_bins: int, latent_width: int, trunk: StackShape) -> None:
        super().__init__()
        self.num_bins = num_bins
        self.linear = nn.Linear(2 * num_bins, latent_width, bias=False)
        self.trunk = Trunk(3 * num_bins, latent_width, trunk)

    def forward(self, features: Tensor) -> Tensor:
        """Shape: features [B, F, 2 · num_bins] -> latent [B, D, F]."""
        real, imag = features.split(self.num_bins, dim=-1)
        magnitude = (real**2 + imag**2 + 1e-6).sqrt()
        inputs = torch.cat([features, magnitude], dim=-1)
        return (self.linear(features) + self.trunk(inputs)).transpose(1, 2)


class Decoder(nn.Module):
    """The latent to spectral features: the linear map's bins, each with a learned gain, plus bins
    of the trunk's own."""

    def __init__(self, num_bins: int, latent_width: int, trunk: StackShape) -> None:
        super().__init__()
        self.num_bins = num_bins
        self.linear = nn.Linear(latent_width, 2 * num_bins, bias=False)
        self.trunk = Trunk(latent_width, 3 * num_bins, trunk)

    def forward(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        """The spectrum, and the trunk's view of it for a refiner.

        Nothing holds the last frame's features to what is after the end of a recording, so an
        empty frame takes that place; of its spectrum nothing is kept.

        Shape: latent [B, D, F] -> features [B, F, 2 · num_bins], hidden [B, F + 1, width].
        """
        latent = functional.pad(latent, (0, 1)).transpose(1, 2)
        base = self.linear(latent)
        hidden = self.trunk.hidden(latent)
        own, gain = self.trunk.leave(hidden).split([2 * self.num_bins, self.num_bins], dim=-1)
        return (base + base * gain.repeat(1, 1, 2) + own)[:, :-1], hidden
