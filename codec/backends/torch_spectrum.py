"""Waves to compressed complex spectra and back, without a look-ahead beyond one window.

Frames hang over both ends by one hop, so every sample lies under exactly two windows:

    wave        |--block 0--|--block 1--|--block 2--|
    frame 0  |  zeros  |   0   |
    frame 1            |   0   |   1   |
    frame 2                    |   1   |   2   |
    frame 3                            |   2   |  zeros  |

With square-root Hann windows on both sides, analysis followed by synthesis is the identity. Where
windows share less than a hop, each is flat between a rise and a fall and zero from there on, and a
frame is known so much earlier:

    hop 320, overlap 80      |rise 80|flat 240|fall 80|zeros 240|
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

_FLOOR = 1e-9


class Spectrum(nn.Module):
    """Power-compressed short-time Fourier transform and its inverse.

    A bin X is kept as `X · |X|^(compression - 1)`: phase as it is, magnitude to the power of
    `compression`, roughly as loudness grows with amplitude.
    """

    window: Tensor

    def __init__(self, hop: int, compression: float, overlap: int) -> None:
        super().__init__()
        self.hop = hop
        self.num_bins = hop + 1
        self.compression = compression
        self.register_buffer("window", window(hop, overlap), persistent=False)

    def analyse(self, wave: Tensor) -> Tensor:
        """Spectral features of a wave.

        Shape: wave [B, 1, T] -> features [B, F, 2 · num_bins] (real parts, then imaginary parts),
        F = ceil(T / hop) + 1.
        """
        length = wave.shape[-1]
        right = -length % self.hop + self.hop
        padded = functional.pad(wave[:, 0].float(), (self.hop, right))
        frames = padded.unfold(-1, 2 * self.hop, self.hop) * self.window
        bins = torch.fft.rfft(frames)
        scale = (bins.real**2 + bins.imag**2 + _FLOOR) ** (0.5 * (self.compression - 1.0))
        return torch.cat([bins.real * scale, bins.imag * scale], dim=-1)

    def synthesise(self, features: Tensor) -> Tensor:
        """The wave whose compressed spectrum comes nearest to `features`.

        Shape: features [B, F, 2 · num_bins] -> wave [B, 1, (F - 1) · hop].
        """
        real, imag = features.float().split(self.num_bins, dim=-1)
        scale = (real**2 + imag**2 + _FLOOR) ** (0.5 * (1.0 / self.compression - 1.0))
        frames = torch.fft.irfft(torch.complex(real * scale, imag * scale)) * self.window
        first, second = frames.split(self.hop, dim=-1)
        blocks = second[:, :-1] + first[:, 1:]
        return blocks.flatten(1).unsqueeze(1)


def window(hop: int, overlap: int) -> Tensor:
    """A square-root Hann window whose halves are apart. Shape: -> [2 · hop]."""
    rise, fall = torch.hann_window(2 * overlap, periodic=True).sqrt().split(overlap)
    apart = hop - overlap
    return torch.cat([rise, torch.ones(apart), fall, torch.zeros(apart)])
