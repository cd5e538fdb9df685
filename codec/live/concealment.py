"""What is heard in place of packets that got lost."""

from dataclasses import dataclass

import numpy as np

FADE_MS = 100.0
"""Time from the first lost packet to silence."""


@dataclass
class LossState:
    """What the decoder knows when a packet is missing."""

    frame_ms: float
    """From one packet to the next."""
    silence: np.ndarray
    """The latent of digital silence, [D]."""
    last: np.ndarray
    """The latent of the last packet that came, [D]; that of silence before the first."""
    num_lost: int = 0
    """Packets lost in a row, the one to conceal included; 0 after one that came."""

    def received(self, latent: np.ndarray) -> None:
        """A packet came. Shape: latent [D]."""
        self.last, self.num_lost = latent, 0


def conceal(state: LossState) -> np.ndarray:
    """A latent in place of the one that got lost: the last one, fading to silence.

    Shape: -> latent [D] float32.
    """
    kept = max(0.0, 1.0 - state.num_lost * state.frame_ms / FADE_MS)
    return np.float32(kept) * state.last + np.float32(1.0 - kept) * state.silence
