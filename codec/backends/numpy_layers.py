"""The layers of both trunks in numpy, a block of frames at a time.

A layer that looks ahead gives its output so many frames later:

    goes in      |----- block n -----|----- block n + 1 -----|
    comes out  |----- block n -----|----- block n + 1 -----|      one frame of look-ahead

What lies before the first and after the last frame of a recording counts as zero at each layer.
"""

import functools
from collections.abc import Mapping, Sequence

import numpy as np

from codec.scratch import scratch

_EPSILON = np.float32(1e-5)
_ALIGNED = 16  # numbers: a cache line
_TILE = 256  # frames: more for a product with the same weights, few enough for a core's cache
_CUBIC = 0.044715 * np.sqrt(2.0 / np.pi)
_LINEAR = np.sqrt(2.0 / np.pi)
_AS_THEY_ARE = slice(None)


class Weights(dict[str, np.ndarray]):
    """A checkpoint's tensors in single precision, and room for what layers make of them.

    All that is kept lies in one stretch of memory, which Linux maps with large pages. From there
    weights are read faster, and reading them is most of what a single frame costs.
    """

    def __init__(self, tensors: Mapping[str, np.ndarray]) -> None:
        super().__init__((name, np.asarray(value, np.float32)) for name, value in tensors.items())
        size = sum(value.size + _ALIGNED for value in self.values())
        self._room = np.empty(size, np.float32)

    def keep(self, matrix: np.ndarray) -> np.ndarray:
        """A copy in the common stretch; layers keep no more numbers than they got. Shape: any."""
        kept = self._room[: matrix.size].reshape(matrix.shape)
        kept[...] = matrix
        self._room = self._room[-(-matrix.size // _ALIGNED) * _ALIGNED :]
        return kept


class Linear:
    """A matrix and a bias.

    Args:
        norm: a layer norm before it, whose weights become part of the matrix, as does taking off
            the mean; what comes in should be `scaled`.
        inputs, outputs: in another order than the checkpoint has them.
    """

    def __init__(
        self,
        weights: Weights,
        name: str,
        norm: str = "",
        *,
        inputs: np.ndarray | slice = _AS_THEY_ARE,
        outputs: np.ndarray | slice = _AS_THEY_ARE,
    ) -> None:
        matrix, bias = _matrix_and_bias(weights, name, norm)
        self.matrix = weights.keep(matrix[inputs][:, outputs])
        self.bias = bias[outputs]

    def __call__(self, x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Shape: [N, inputs] -> [N, outputs]."""
        y = np.matmul(x, self.matrix, out=out)
        y += self.bias
        return y


def _matrix_and_bias(weights: Weights, name: str, norm: str = "") -> tuple[np.ndarray, np.ndarray]:
    """Of `Linear`. Shape: -> [inputs, outputs], [outputs]."""
    matrix = weights[f"{name}.weight"].T
    bias = weights.get(f"{name}.bias", np.zeros(matrix.shape[1], np.float32))
    if norm:
        bias = bias + weights[f"{norm}.bias"] @ matrix
        matrix = weights[f"{norm}.weight"][:, None] * matrix
        matrix -= matrix.mean(axis=0)
    return matrix, bias


def scaled(x: np.ndarray) -> np.ndarray:
    """Each row over its standard deviation; the mean stays in. Shape: [N, C] -> [N, C]."""
    return x * _inverse_deviation(x)


def _inverse_deviation(x: np.ndarray) -> np.ndarray:
    """One over the standard deviation of each row. Shape: [N, C] -> [N, 1]."""
    share = _share(x.shape[1])
    mean = x @ share
    mean *= mean
    variance = (x[:, None] @ x[:, :, None])[:, 0, 0]
    variance *= share[0]
    variance -= mean
    np.maximum(variance, 0.0, out=variance)
    variance += _EPSILON
    np.sqrt(variance, out=variance)
    return np.reciprocal(variance, out=variance)[:, None]


@functools.lru_cache(maxsize=8)
def _share(num: int) -> np.ndarray:
    """What a mean multiplies each number with. Shape: -> [num]."""
    return np.full(num, 1.0 / num, np.float32)


class Block:
    """Depthwise convolution over time, then a two-layer network a frame, as a residual.

    With u = a·h the GELU's tanh(√(2/π) (h + 0.044715 h³)) is tanh(u³ + u √(2/π)/a), a³ = 0.044715
    √(2/π): two passes over the hidden channels less. The matrices before and after hold a and its
    inverse, the second also the half of GELU and the residual's scale. What comes in is divided by
    its deviation behind the first matrix, with the other passes over hidden channels.
    """

    def __init__(self, weights: Weights, name: str, lookahead: int) -> None:
        kernel = weights[f"{name}.over_time.weight"][:, 0]  # [C, k]
        self.kernel = np.ascontiguousarray(kernel.T)
        self.over_time_bias = weights[f"{name}.over_time.bias"]
        self.lookahead = lookahead
        size = np.float32(np.cbrt(_CUBIC))
        self.slope = np.float32(_LINEAR / size)
        matrix, bias = _matrix_and_bias(weights, f"{name}.widen", f"{name}.norm")
        self.widen, self.widen_bias = weights.keep(size * matrix), size * bias
        scale = weights[f"{name}.scale"]
        matrix, bias = _matrix_and_bias(weights, f"{name}.narrow")
        self.narrow = weights.keep(matrix * (scale * np.float32(0.5 / size)))
        self.narrow_bias = bias * scale

    def __call__(self, x: np.ndarray, y: np.ndarray) -> None:
        """Shape: x [N + k - 1, C] -> y [N, C]."""
        for row in range(0, len(y), _TILE):
            self._tile(x[row : row + _TILE + len(self.kernel) - 1], y[row : row + _TILE])

    def _tile(self, x: np.ndarray, y: np.ndarray) -> None:
        """As many frames as fit a core's cache. Shape: x [N + k - 1, C] -> y [N, C]."""
        num, width = y.shape
        frames = np.ndarray(
            (num, len(self.kernel), width), x.dtype, x, 0, x.strides[:1] + x.strides
        )
        context = scratch("context", num, width)
        np.einsum("nkc,kc->nc", frames, self.kernel, out=context)
        context += self.over_time_bias
        u = np.matmul(context, self.widen, out=scratch("hidden", num, self.widen.shape[1]))
        u *= _inverse_deviation(context)
        u += self.widen_bias
        self._bend(u)
        np.matmul(u, self.narrow, out=y)
        y += self.narrow_bias
        start = len(self.kernel) - 1 - self.lookahead
        y += x[start : start + num]

    def _bend(self, u: np.ndarray) -> None:
        """u · (1 + tanh(u³ + slope · u)), in place. Shape: [N, hidden]."""
        bent = np.multiply(u, u, out=scratch("bent", *u.shape))
        bent += self.slope
        bent *= u
        np.tanh(bent, out=bent)
        bent += np.float32(1.0)
        u *= bent


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
        They last until a thread's next call of any stack.

        Args:
            num_frames: in the whole recording, once that is known; frames after it become zero.

        Shape: [N, C] -> [N, C].
        """
        first = self._first
        self._first += len(x)
        _cut(x, first, num_frames)
        if not self._tails:
            return x
        before = len(self._tails[0])
        room = before + len(x), x.shape[1]
        context = scratch("frames 0", *room)
        context[:before], context[before:] = self._tails[0], x
        for number, block in enumerate(self._stack.blocks):
            self._tails[number] = context[len(x) :].copy()
            following = scratch(f"frames {1 - number % 2}", *room)
            y = following[before:]
            block(context, y)
            first -= block.lookahead
            _cut(y, first, num_frames)
            if number + 1 < len(self._tails):
                following[:before] = self._tails[number + 1]
            context = following
        return context[before:]


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
