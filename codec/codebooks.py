"""Codebooks at work: the residual chain in numpy, looked up and searched.

    latent --> stage 0 --> residual --> stage 1 --> residual --> …       decoded = sum of codewords
                 |                        |
               codeword 0              codeword 1

‖x - c‖² is ‖x‖² - 2 x·c + ‖c‖², and ‖x‖² is the same for all codewords, so the nearest one has the
largest x·c - ½‖c‖²: one matrix product, with a column of ones for the norm. Behind the codewords
the matrix has some that are never the nearest, so that rows of scores lie apart in memory.
"""

import numpy as np

from codec.scratch import scratch

_ROWS = 256  # vectors scored at once: more for a matrix product, few enough for a core's cache
_PAD = 16  # scores more a row; rows 4 KB apart would share few lines of the cache
_NEVER = -np.inf  # the score of what isn't there
_RUN = 64  # candidates whose best is taken first; see `_best`


class Codebooks:
    """Q codebooks of K codewords.

    Args:
        codewords: [Q, K, D] float32.
    """

    def __init__(self, codewords: np.ndarray) -> None:
        stages, size, width = codewords.shape
        self._books = np.zeros((stages, size + 1, width), np.float32)
        """The last of each, of zeros, stands for none."""
        self._books[:, :size] = codewords
        self.codewords = self._books[:, :size]
        self._scoring = np.zeros((stages, width + 1, size + _PAD), np.float32)
        self._scoring[:, :width, :size] = codewords.transpose(0, 2, 1)
        self._scoring[:, width] = _NEVER
        self._scoring[:, width, :size] = -0.5 * np.square(codewords).sum(2)

    def encode(
        self, latent: np.ndarray, num_stages: int, beam: int = 1, first: int = 0
    ) -> np.ndarray:
        """Codes whose codewords sum up to nearly the latent.

        Args:
            beam: hypotheses kept from stage to stage; 1 takes the nearest codeword at each.
            first: the stage to begin with, where `latent` is what those before it left.

        Shape: latent [F, D] float32 -> codes [num_stages, F] int64.

        >>> books = Codebooks(np.array([[[0.0], [8.0]], [[1.0], [-1.0]]], np.float32))
        >>> books.encode(np.array([[6.5], [0.9]], np.float32), 2).tolist()
        [[1, 0], [1, 0]]
        """
        codes = np.empty((num_stages, len(latent)), np.int64)
        rows = max(1, _ROWS // beam)
        stages = range(first, first + num_stages)
        for start in range(0, len(latent), rows):
            block = latent[start : start + rows]
            found = self._nearest(block, stages) if beam == 1 else self._beam(block, stages, beam)
            codes[:, start : start + rows] = found
        return codes

    def decode(self, codes: np.ndarray, first: int = 0) -> np.ndarray:
        """The sum of the codewords; -1 stands for none.

        Others that are no codeword's number are not looked for: they wrap around.

        Args:
            first: the stage of the first row.

        Shape: codes [Q, F] -> latent [F, D].
        """
        total = np.zeros((codes.shape[1], self._books.shape[2]), np.float32)
        step = scratch("step", *total.shape)
        for book, row in zip(self._books[first:], codes, strict=False):
            total += book.take(row, 0, step, mode="wrap")
        return total

    def errors(self, latent: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Squared error of each frame after 1 … Q stages.

        Shape: latent [F, D], codes [Q, F] -> [Q, F] float32.
        """
        residual = latent.copy()
        step = scratch("step", *latent.shape)
        found = np.empty(codes.shape, np.float32)
        for stage, row in enumerate(codes):
            residual -= self._books[stage].take(row, 0, step, mode="clip")
            np.einsum("fd,fd->f", residual, residual, out=found[stage])
        return found

    def _nearest(self, latent: np.ndarray, stages: range) -> np.ndarray:
        """Shape: latent [N, D] -> codes [stages, N]."""
        residual = _with_one(latent)
        codes = np.empty((len(stages), len(latent)), np.int64)
        scores = scratch("scores", len(latent), self._scoring.shape[2])
        step = scratch("step", *latent.shape)
        for stage, code in zip(stages, codes, strict=True):
            np.matmul(residual, self._scoring[stage], out=scores)
            scores.argmax(axis=1, out=code)
            residual[:, :-1] -= self._books[stage].take(code, 0, step, mode="clip")
        return codes

    def _beam(self, latent: np.ndarray, stages: range, beam: int) -> np.ndarray:
        """M-best search, all hypotheses of a stage in one matrix product.

            hypotheses [N, M] --x K codewords--> [N, M · K] candidates --M best--> [N, M]

        Shape: latent [N, D] -> codes [stages, N].
        """
        num, size = len(latent), self.codewords.shape[1]
        row = np.arange(num)[:, None]
        residuals = _with_one(latent)[:, None]  # [N, M, D + 1]
        gains = np.zeros((num, 1), np.float32)  # [N, M], half of ‖x‖² - ‖residual‖²
        codes = np.empty((num, 1, 0), np.int64)  # [N, M, stage]
        for stage in stages:
            kept = gains.shape[1]
            flat = residuals.reshape(num * kept, -1)
            scores = (flat @ self._scoring[stage]).reshape(num, kept, -1)[..., :size]
            scores = scores + gains[:, :, None]
            keep = 1 if stage == stages[-1] else min(beam, kept * size)
            place = _best(scores.reshape(num, -1), keep)
            gains = np.take_along_axis(scores.reshape(num, -1), place, 1)
            parent, code = place // size, place % size
            residuals = residuals[row, parent]
            residuals[..., :-1] -= self.codewords[stage][code]
            codes = np.concatenate([codes[row, parent], code[:, :, None]], axis=2)
        return codes[:, 0].T


def _with_one(latent: np.ndarray) -> np.ndarray:
    """Shape: [N, D] -> [N, D + 1] with a last column of ones."""
    return np.concatenate([latent, np.ones((len(latent), 1), np.float32)], axis=1)


def _best(scores: np.ndarray, keep: int) -> np.ndarray:
    """Places of the `keep` largest of each row, in no order.

    They lie in the `keep` runs whose own largest is largest, and only those are looked through.

    Shape: scores [N, L] -> [N, keep].
    """
    if keep == 1:
        return scores.argmax(axis=1)[:, None]
    num, length = scores.shape
    if keep == length:
        return np.tile(np.arange(length), (num, 1))
    if length % _RUN or length // _RUN <= 2 * keep:
        return np.argpartition(-scores, keep - 1, axis=1)[:, :keep]
    runs = scores.reshape(num, -1, _RUN)
    run = np.argpartition(-runs.max(axis=2), keep - 1, axis=1)[:, :keep]
    within = np.take_along_axis(runs, run[:, :, None], 1).reshape(num, -1)
    place = np.argpartition(-within, keep - 1, axis=1)[:, :keep]
    return np.take_along_axis(run, place // _RUN, 1) * _RUN + place % _RUN
