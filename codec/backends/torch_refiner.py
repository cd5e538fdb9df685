"""The refiner: a second network behind the decoder, in finer time, that makes its wave speech.

The decoder has one spectrum every 20 ms, long enough for vowels to lose their pitch pulses and
breath to turn into tones. The refiner looks at the decoder's wave in windows of 20 ms every 5 ms,
together with what the decoder knows (`hidden`) and perhaps with noise, and gives each bin a complex
gain, an addition and a share of the noise.

    decoder's wave   |----------- block k -----------|          320 samples
    frame 4k     -240|        80|
    frame 4k + 1          -160|        160|                     window 320, hop 80
    frame 4k + 2                 -80|        240|
    frame 4k + 3                        0|        320|

Block k is whole once the decoder's frame k + 1 is there, so frames 4k … 4k + 3 see hidden[k + 1].
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from codec.backends.torch_networks import StackShape

OVERLAP = 4
_FLOOR = 1e-9
_QUIET = -4.0
"""Where the noise's gain begins, before the softplus: hardly any."""


class Refiner(nn.Module):
    """The decoder's wave in, the wave that is heard out.

    Args:
        hop: samples between two frames; a window has four of them.
        ratio: frames for each frame of the decoder.
        compression: exponent on magnitudes, as in the codec's own spectrum.
        hidden_width: of the decoder's view.
        stack: its blocks.
        noise: whether there is any to make breath from.
    """

    window: Tensor

    def __init__(
        self,
        hop: int,
        ratio: int,
        compression: float,
        *,
        hidden_width: int,
        stack: StackShape,
        noise: bool,
    ) -> None:
        super().__init__()
        width = stack.width
        self.hop, self.ratio, self.compression = hop, ratio, compression
        self.size = OVERLAP * hop
        self.num_bins = self.size // 2 + 1
        window = torch.hann_window(self.size, periodic=True).sqrt()
        self.register_buffer("window", window, persistent=False)
        self.enter = nn.Linear(3 * self.num_bins, width)
        self.see = nn.Linear(hidden_width, ratio * width)
        self.hear_noise = nn.Linear(hop, width, bias=False) if noise else None
        self.blocks = stack.blocks()
        self.norm = nn.LayerNorm(width)
        self.leave = nn.Linear(width, (5 if noise else 4) * self.num_bins)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)
        if self.hear_noise is not None:
            nn.init.normal_(self.hear_noise.weight, std=0.02)
            with torch.no_grad():
                self.leave.bias[4 * self.num_bins :] = _QUIET

    def forward(self, wave: Tensor, hidden: Tensor, noise: Tensor) -> Tensor:
        """Shape: wave [B, 1, T], hidden [B, T / (ratio · hop) + 2, hidden width], noise
        [B, T + ratio · hop] of variance 1 -> wave [B, 1, T].
        """
        num_samples = wave.shape[-1]
        wave = functional.pad(wave[:, 0], (0, self.ratio * self.hop))
        bins = self._bins(wave)
        scale = (bins.real**2 + bins.imag**2 + _FLOOR) ** (0.5 * (self.compression - 1.0))
        real, imag = bins.real * scale, bins.imag * scale
        magnitude = (real**2 + imag**2 + 1e-6).sqrt()
        x = self.enter(torch.cat([real, imag, magnitude], dim=-1))
        x = x + self.see(hidden[:, 1:]).view(x.shape)
        if self.hear_noise is not None:
            x = x + self.hear_noise(noise.view(len(noise), -1, self.hop))
        for block in self.blocks:
            x = block(x)
        parts = self.leave(self.norm(x)).float().split(self.num_bins, dim=-1)
        gain_real, gain_imag, own_real, own_imag, *loudness = parts
        new_real = real + real * gain_real - imag * gain_imag + own_real
        new_imag = imag + real * gain_imag + imag * gain_real + own_imag
        spread = (new_real**2 + new_imag**2 + _FLOOR) ** (0.5 * (1.0 / self.compression - 1.0))
        rebuilt = torch.complex(new_real * spread, new_imag * spread)
        for level in loudness:
            share = functional.softplus(level) ** (1.0 / self.compression)
            rebuilt = rebuilt + share * self._bins(noise)
        return self._overlap_add(rebuilt, num_samples)

    def _bins(self, wave: Tensor) -> Tensor:
        """Shape: [B, T] -> [B, T / hop, num_bins] complex; a frame ends where its hop does."""
        padded = functional.pad(wave.float(), (self.size - self.hop, 0))
        return torch.fft.rfft(padded.unfold(-1, self.size, self.hop) * self.window)

    def _overlap_add(self, bins: Tensor, num_samples: int) -> Tensor:
        """Shape: [B, frames, num_bins] -> [B, 1, num_samples]."""
        frames = torch.fft.irfft(bins) * self.window * (2.0 / OVERLAP)
        batch, count = frames.shape[:2]
        wave = functional.fold(
            frames.transpose(1, 2),
            (1, (count + OVERLAP - 1) * self.hop),
            (1, self.size),
            stride=(1, self.hop),
        ).view(batch, 1, -1)
        start = self.size - self.hop
        return wave[..., start : start + num_samples]
