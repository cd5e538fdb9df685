"""What is heard in place of frames that got lost.

    came   lost  lost  lost  lost  lost  lost  lost  …
      1      1     1     1    3/4   1/2   1/4    0     share of the last latent, the rest silence
      a               between                 b        where the frame after the gap is known

The last latent is held and then fades to silence. A receiver that waits for copies of frames often
knows the frame on the other side of the gap too, and goes from one to the other in a straight line.
Latents predicted from earlier ones by least squares were nearer to the true ones and sounded worse
(docs/loss.md), so nothing here is fitted, and any weights will do.
"""

from dataclasses import dataclass

import numpy as np

HELD_MS = 60.0
"""Time for which the last latent is held."""
FADE_MS = 80.0
"""From then to silence."""
LONGEST_BRIDGE = 4
"""Lost frames at most that a straight line bridges."""


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


def conceal(state: LossState, frames: int = 0, coming: np.ndarray | None = None) -> np.ndarray:
    """A latent in place of the one that got lost.

    Args:
        frames: from the lost frame to the next that is known.
        coming: that one's latent; None if none is known.

    Shape: coming [D] -> latent [D] float32.
    """
    gap = state.num_lost + frames - 1
    if coming is not None and gap <= LONGEST_BRIDGE:
        share = np.float32(frames / (gap + 1))
        return share * state.last + (np.float32(1.0) - share) * coming
    faded_ms = state.num_lost * state.frame_ms - HELD_MS
    kept = np.float32(np.clip(1.0 - faded_ms / FADE_MS, 0.0, 1.0))
    return kept * state.last + (np.float32(1.0) - kept) * state.silence
