"""An encoder that gives more stages than will be kept: `codec.live.reservoir` chooses how many each
frame gets, as soon as it is there. Files choose for a minute at once (`codec.vbr`).
"""

import numpy as np

from codec.allocation import depth
from codec.coder import Encoder, Latents


class DeepEncoder(Encoder):
    """An encoder that gives more stages than will be kept, found without effort, and keeps what
    tells how many each frame should have.

    Args:
        num_stages: on average, once some are cut.
    """

    latents: list[np.ndarray]
    """[F, D] of each channel, F the frames that the last call gave."""
    errors: np.ndarray
    """[C, Q, F] of the same frames, after 1 … Q stages."""

    @property
    def depth(self) -> int:
        """Q, stages given."""
        return depth(self._backend.config.num_stages, self.num_stages)

    def search(self, latent: np.ndarray, num_stages: int) -> np.ndarray:
        """Codes found with the effort asked for. Shape: latent [F, D] -> codes [Q, F]."""
        return self._quantize(latent, num_stages)

    def _code(self, latents: Latents) -> np.ndarray:
        """Shape: latents [F, D], blocks of each channel -> codes [C, Q, F]."""
        empty = np.zeros((self.depth, 0))
        codes, errors = [], []
        for blocks in latents:
            found = [self._quantize(block, self.depth, effort=1) for block in blocks]
            left = [
                self._backend.errors(block, code) for block, code in zip(blocks, found, strict=True)
            ]
            codes.append(np.concatenate([empty.astype(np.int64), *found], axis=1))
            errors.append(np.concatenate([empty.astype(np.float32), *left], axis=1))
        none = np.zeros((0, self._backend.config.latent_width), np.float32)
        self.latents = [np.concatenate([none, *blocks]) for blocks in latents]
        self.errors = np.stack(errors)
        return np.stack(codes)
