"""Product quantization with noise substitution (Vali & Bäckström, ICASSP 2023).

The residual chain with codewords that are zero outside their stage's slice of the latent:

    stage       dimensions of the latent, D = 8, Q = 3
      0         x x x . . . . .
      1         . . . x x x . .
      2         . . . . . . x x

Slices do not meet, so what a stage leaves over is what the next needs, in any order of stages, and
the sum of codewords lays the slices side by side.
"""

import torch
from torch import Tensor

from training.quantizers.nsvq import NSVQ


class Product(NSVQ):
    """Each stage codes a slice of D/Q dimensions; noise once, on the total error.

    Every stage is wanted: a slice whose stage is left out decodes as zero. With fewer dimensions
    than stages, some stages code nothing. A search looks at all D dimensions, Q times the work
    that short codebooks would need.
    """

    def codewords(self) -> Tensor:
        """Shape: -> [Q, K, D], zero outside the stage's slice."""
        return torch.where(self._slices().unsqueeze(1), self.codebooks, 0.0)

    def part(self, residual: Tensor, stage: int) -> Tensor:
        """The stage's slice, zero elsewhere. Shape: residual [N, D] -> [N, D]."""
        return residual * self._slices()[stage]

    def _slices(self) -> Tensor:
        """Which dimensions a stage codes. Shape: -> [Q, D] bool."""
        stages, _, width = self.codebooks.shape
        owner = torch.arange(width, device=self.codebooks.device) * stages // width
        return owner == torch.arange(stages, device=self.codebooks.device).unsqueeze(1)
