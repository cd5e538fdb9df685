"""Variable bitrate: each frame gets as many stages as its error takes.

    error of a group of frames after 1, 2, … Q stages:   9  5  3  2  1       4  3  1 .5 .2
    a threshold of 2.5 gives them:                             4                 3

A residual chain leaves the more error the more a latent holds, so loud and changing speech takes
many stages and a pause takes one. With one threshold for a whole recording no stage could be moved
from one group to another and lower the error (reverse water-filling: Cover and Thomas, Elements of
Information Theory, 10.3.3).
"""

import numpy as np

from codec.bitstream.stage_counts import GROUP

DEEPEST = 2
"""A frame has at most so many times the mean number of stages, and …"""
DEEPEST_MORE = 4
"""… so many more."""


def depth(num_stages: int, mean_stages: int) -> int:
    """Stages that a frame has at most, of `num_stages`."""
    return min(num_stages, DEEPEST * mean_stages + DEEPEST_MORE)


def group_errors(errors: np.ndarray) -> np.ndarray:
    """Errors of frames as mean errors of groups; the last may have fewer frames than `GROUP`.

    Shape: errors [Q, F] -> [Q, ceil(F / GROUP)].
    """
    if not errors.shape[1]:
        return errors
    starts = np.arange(0, errors.shape[1], GROUP)
    sizes = np.minimum(GROUP, errors.shape[1] - starts)
    return np.add.reduceat(errors, starts, axis=1) / sizes


def allocate(errors: np.ndarray, threshold: float) -> np.ndarray:
    """Stages of each column: the first after which the error is within the threshold, or all.

    Shape: errors [Q, N], what is left after 1 … Q stages -> [N] int64, each 1 … Q.

    >>> allocate(np.array([[9.0, 4.0], [5.0, 3.0], [3.0, 1.0], [2.0, 0.5]]), 2.5)
    array([4, 3])
    """
    return 1 + (_falling(errors) > threshold).sum(0)


def threshold_for(errors: np.ndarray, total: int) -> float:
    """The lowest threshold that allocates at most `total` stages, or one to each column.

    Shape: errors [Q, N], N > 0.
    """
    falling = _falling(errors).ravel()
    spare = max(0, total - errors.shape[1])
    if spare >= len(falling):
        return -np.inf
    return float(np.partition(falling, -spare - 1)[-spare - 1])


def _falling(errors: np.ndarray) -> np.ndarray:
    """What a stage more would have to be worth: its error before, never more than earlier ones'.

    Shape: errors [Q, N] -> [Q - 1, N].
    """
    return np.minimum.accumulate(errors[:-1], axis=0)
