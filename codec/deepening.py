"""Codes found stage by stage, for as many stages as each frame turns out to need.

    frames            a   b   c   d
    stages at first   3   3   3   3     what all get on average
    … then            3   5   3   4     a stage more costs only the frames that take it

What stages that weren't searched would leave is guessed, so that frames go several stages at once
rather than one.
"""

import numpy as np

from codec.backends.interface import Backend

_SLOWEST = 0.95
"""A stage is expected to leave this share of the squared error, or less."""
_UNKNOWN = 0.7
"""Where nothing tells what share it leaves."""


class Deepening:
    """Frames and their codes so far.

    Args:
        latents: [F, D].
        codes: [q, F], q at least 1.
        depth: Q, most stages of a frame.
    """

    def __init__(
        self, backend: Backend, latents: np.ndarray, codes: np.ndarray, depth: int
    ) -> None:
        found, frames = codes.shape
        self._backend = backend
        self._found = np.full(frames, found)
        self._residual = latents - backend.dequantize(codes)
        self.codes = np.full((depth, frames), -1)
        """[Q, F], -1 for stages not searched."""
        self.errors = np.empty((depth, frames), np.float32)
        """[Q, F], squared, after 1 … Q stages; a guess for stages not searched."""
        self.codes[:found] = codes
        self.errors[:found] = backend.errors(latents, codes)
        self._share = _share_left(self.errors[:found])
        self._guess()

    def deepen(self, stages: np.ndarray) -> bool:
        """Search so many stages of each frame; whether there was anything to search.

        Shape: stages [F], each 1 … Q.
        """
        if not (stages > self._found).any():
            return False
        for stage in range(self._found.min(), stages.max()):
            frames = np.flatnonzero((self._found == stage) & (stages > stage))
            if len(frames):
                self._one_more(stage, frames)
        self._guess()
        return True

    def _one_more(self, stage: int, frames: np.ndarray) -> None:
        """Shape: frames [N], numbers of those that have `stage` stages."""
        residual = self._residual[frames]
        code = self._backend.quantize(residual, 1, first=stage)
        residual -= self._backend.dequantize(code, first=stage)
        self._residual[frames] = residual
        self.codes[stage, frames] = code[0]
        self.errors[stage, frames] = np.einsum("fd,fd->f", residual, residual)
        self._found[frames] = stage + 1

    def _guess(self) -> None:
        """Errors of the stages that weren't searched."""
        for stage in range(int(self._found.min()), len(self.errors)):
            guess = self._share * self.errors[stage - 1]
            np.copyto(self.errors[stage], guess, where=self._found <= stage)


def _share_left(errors: np.ndarray) -> float:
    """What share of the error a stage leaves. Shape: errors [q, F]."""
    if len(errors) < 2 or not (before := errors[-2].sum(dtype=np.float64)):
        return _UNKNOWN
    return min(_SLOWEST, float(errors[-1].sum(dtype=np.float64) / before))
