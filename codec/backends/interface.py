"""One interface to the network, numpy in and out, whatever computes it.

    wave [T] --analysis--> latent [F, D] --quantize--> codes [Q, F]
    codes [Q, F] --dequantize--> latent [F, D] --synthesis--> wave [(F - 1) · hop]

Analysis and synthesis are streams: a recording may come in pieces, and however it is cut up the
same blocks come out, bit for bit.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from codec.config import ModelConfig


class Stream(Protocol):
    """One recording on its way through a part of the network, with what it keeps in between."""

    def push(self, piece: np.ndarray) -> list[np.ndarray]:
        """Take the next piece; the blocks that are ready by now."""
        ...

    def finish(self) -> list[np.ndarray]:
        """The rest, once the recording has ended."""
        ...


class Backend(Protocol):
    """A network with its weights; one serves any number of streams."""

    config: ModelConfig
    num_parameters: int

    def analysis(self, block_frames: int | None = None) -> Stream:
        """Pieces of wave [T] float32 at the model's rate to blocks of latent [F, D].

        Args:
            block_frames: frames computed at once; as many as are fast if None, 1 for little delay.
        """
        ...

    def quantize(
        self, latent: np.ndarray, num_stages: int, effort: int = 1, first: int = 0
    ) -> np.ndarray:
        """Codes of one block.

        Args:
            effort: hypotheses kept in the search from stage to stage.
            first: the stage to begin with, where `latent` is what those before it left.

        Shape: latent [F, D] -> codes [num_stages, F] int64.
        """
        ...

    def dequantize(self, codes: np.ndarray, first: int = 0) -> np.ndarray:
        """The sum of the codewords; -1 stands for none.

        Args:
            first: the stage of the first row.

        Shape: codes [Q, F], any Q -> latent [F, D].
        """
        ...

    def errors(self, latent: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Squared error of each frame after 1 … Q stages.

        Shape: latent [F, D], codes [Q, F] -> [Q, F] float32.
        """
        ...

    def synthesis(self, block_frames: int | None = None) -> Stream:
        """Pieces of latent [F, D] to blocks of wave [T]; in all (F - 1) · hop samples.

        Args:
            block_frames: see `analysis`.
        """
        ...


class Pieces:
    """Rows that come in pieces and leave in blocks of a fixed size, the rest at the end."""

    def __init__(self, block: int) -> None:
        self.block = block
        self._waiting: list[np.ndarray] = []
        self._count = 0

    def push(self, piece: np.ndarray) -> list[np.ndarray]:
        """The blocks that are whole by now. Shape: [N, ...] -> [block, ...] each."""
        self._waiting.append(piece)
        self._count += len(piece)
        if self._count < self.block:
            return []
        held = np.concatenate(self._waiting)
        whole = len(held) // self.block * self.block
        self._waiting, self._count = [held[whole:].copy()], len(held) - whole
        return [held[start : start + self.block] for start in range(0, whole, self.block)]

    def rest(self, empty: tuple[int, ...] = (0,)) -> np.ndarray:
        """What is left over. Shape: -> [fewer than block, ...]."""
        return np.concatenate([np.zeros(empty, np.float32), *self._waiting])


def joined(blocks: Sequence[np.ndarray], empty: np.ndarray, axis: int = 0) -> np.ndarray:
    """All blocks as one array; `empty` has the shape of none."""
    return np.concatenate([empty, *blocks], axis=axis)
