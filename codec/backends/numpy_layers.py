"""The layers of both trunks in numpy, a block of frames at a time.

A layer that looks ahead gives its output so many frames later:

    goes in      |----- block n -----|----- block n + 1 -----|
    comes out  |----- block n -----|----- block n + 1 -----|      one frame of look-ahead

What lies before the first and after the last frame of a recording counts as zero at each layer.
"""

from collections.abc import Mapping, Sequence

import numpy as np

Weights = Mapping[str, np.ndarray]
_EPSILON = 1e-5
_TILE = 128  # frames
_CUBIC = 0.044715 * np.sqrt(2.0 / np.pi)
_LINEAR = np.sqrt(2.0 / np.pi)


class Linear:
    """A matrix and a bias.

    Args:
        norm: a layer norm before it, whose weights become part of the matrix; what comes in should
            be `normalise`d.
    """

    def __init__(self, weights: Weights, name: str, norm: str = "") -> None:
        self.matrix = np.ascontiguousarray(weights[f"{name}.weight"].T)
        self.bias = weights.get(f"{name}.bias", np.zeros(1, np.float32))
        if norm:
            self.bias = self.bias + weights[f"{norm}.bias"] @ self.matrix
            self.matrix = weights[f"{norm}.weight"][:, None] * self.matrix

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Shape: [N, inputs] -> [N, outputs]."""
        y = x @ self.matrix
        y += self.bias
        return y


def normalise(x: np.ndarray) -> np.ndarray:
    """Each row with mean 0 and variance 1. Shape: [N, C] -> [N, C]."""
    share = np.full(x.shape[1], 1.0 / x.shape[1], np.float32)
    x = x - (x @ share)[:, None]
    variance = np.einsum("nc,nc->n", x, x) * share[0]
    x *= (np.float32(1.0) / np.sqrt(variance + np.float32(_EPSILON)))[:, None]
    return x


class Block:
    """Depthwise convolution over time, then a two-layer network a frame, as a residual.

    With u = a·h the GELU's tanh(√(2/π) (h + 0.044715 h³)) is tanh(u³ + u √(2/π)/a), a³ = 0.044715
    √(2/π): two passes over the hidden channels less. The matrices before and after hold a and its
    inverse, the second also the half of GELU and the residual's scale.
    """

    def __init__(self, weights: Weights, name: str, lookahead: int) -> None:
        kernel = weights[f"{name}.over_time.weight"][:, 0]  # [C, k]
        self.kernel = np.ascontiguousarray(kernel.T)
        self.over_time_bias = weights[f"{name}.over_time.bias"]
        self.lookahead = lookahead
        size = np.float32(np.cbrt(_CUBIC))
        self.slope = np.float32(_LINEAR / size)
        self.widen = Linear(weights, f"{name}.widen", f"{name}.norm")
        self.widen.matrix *= size
        self.widen.bias *= size
        scale = weights[f"{name}.scale"]
        self.narrow = Linear(weights, f"{name}.narrow")
        self.narrow.matrix *= scale * np.float32(0.5 / size)
        self.narrow.bias = self.narrow.bias * scale

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Shape: [N + k - 1, C] -> [N, C], without the residual."""
        frames = np.lib.stride_tricks.sliding_window_view(x, len(self.kernel), axis=0)
        context = np.einsum("nck,kc->nc", frames, self.kernel)
        context += self.over_time_bias
        context = normalise(context)
        parts = [self._mix(context[row : row + _TILE]) for row in range(0, len(context), _TILE)]
        return np.concatenate(parts) if len(parts) > 1 else parts[0]

    def _mix(self, context: np.ndarray) -> np.ndarray:
        """The two-layer network on a few frames, so that what it makes stays in a core's cache.

        Shape: [N, C] -> [N, C].
        """
        u = self.widen(context)
        bent = u * u
        bent += self.slope
        bent *= u
        np.tanh(bent, out=bent)
        bent += np.float32(1.0)
        bent *= u
        return self.narrow(bent)


class Stack:
    """Blocks on top of each other."""

    def __init__(self, weights: Weights, name: str, lookahead: Sequence[int]) -> None:
        self.blocks = [
            Block(weights, f"{name}.{number}", frames) for number, frames in enumerate(lookahead)
        ]
        self.delay = sum(lookahead)


class StackStream:
    """One recording on its way through a stack."""

    def __init__(self, stack: Stack, width: int) -> None:
        self._stack = stack
        self._first = 0
        """Number of the next frame that comes in."""
        self._tails = [
            np.zeros((len(block.kernel) - 1, width), np.float32) for block in stack.blocks
        ]

    def __call__(self, x: np.ndarray, num_frames: int | None = None) -> np.ndarray:
        """The same number of frames, `delay` frames earlier ones; those before the first are zero.

        Args:
            num_frames: in the whole recording, once that is known; frames after it become zero.

        Shape: [N, C] -> [N, C].
        """
        first = self._first
        self._first += len(x)
        x = _cut(x, first, num_frames)
        for number, block in enumerate(self._stack.blocks):
            context = np.concatenate([self._tails[number], x])
            kernel = len(block.kernel)
            self._tails[number] = context[len(x) :]
            y = block(context)
            start = kernel - 1 - block.lookahead
            y += context[start : start + len(x)]
            first -= block.lookahead
            x = _cut(y, first, num_frames)
        return x


def _cut(x: np.ndarray, first: int, num_frames: int | None) -> np.ndarray:
    """Set the frames before the recording's first and after its last to zero, in place."""
    if first < 0:
        x[:-first] = 0.0
    if num_frames is not None and first + len(x) > num_frames:
        x[max(0, num_frames - first) :] = 0.0
    return x


class Delay:
    """Rows that come out so many rows later; zeros come first."""

    def __init__(self, num_rows: int) -> None:
        self._num_rows = num_rows
        self._held: np.ndarray | None = None

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Shape: [N, ...] -> [N, ...]."""
        if not self._num_rows:
            return x
        if self._held is None:
            self._held = np.zeros((self._num_rows, *x.shape[1:]), x.dtype)
        both = np.concatenate([self._held, x])
        self._held = both[len(x) :]
        return both[: len(x)]
