"""Variable bitrate in a conversation: each frame gets stages by its error, frame after frame.

    errors of the last ten seconds, this frame's among them --> the threshold that would allocate
    what the bitrate allows for them (`codec.allocation`) --> stages of this frame

What frames leave unused is saved up for others, two seconds' worth at most; what is borrowed in
advance is a fifth of a second's.
"""

import numpy as np

from codec.allocation import allocate, threshold_for

WINDOW_S = 10.0
"""Whose frames are compared."""
SAVED_S = 2.0
"""Of the bitrate, saved up at most …"""
BORROWED_S = 0.2
"""… and borrowed at most."""


class Reservoir:
    """What is left to spend.

    Args:
        frame_rate: frames per second.
    """

    def __init__(self, frame_rate: float) -> None:
        self._window = round(WINDOW_S * frame_rate)
        self._errors = np.zeros((0, self._window))
        """[Q, N] of the last frames, in a ring."""
        self._num_frames = 0
        self._frame_rate = frame_rate
        self._saved = 0.0

    def stages(self, errors: np.ndarray, mean_stages: int) -> int:
        """Stages of the next frame, 1 at least.

        Shape: errors [Q], what is left after 1 … Q stages.
        """
        if len(self._errors) != len(errors):  # another bitrate
            self._errors, self._num_frames = np.empty((len(errors), self._window)), 0
        self._errors[:, self._num_frames % self._window] = errors
        self._num_frames += 1
        held = self._errors[:, : self._num_frames]
        threshold = threshold_for(held, mean_stages * held.shape[1])
        wanted = int(allocate(errors[:, None], threshold)[0])
        most = mean_stages * (1.0 + BORROWED_S * self._frame_rate) + self._saved
        return max(1, min(wanted, int(most)))

    def spend(self, num_stages: int, mean_stages: int) -> None:
        """Count what the frame was sent with."""
        most = mean_stages * SAVED_S * self._frame_rate
        self._saved = min(self._saved + mean_stages - num_stages, most)
