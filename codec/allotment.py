"""How many stages each frame gets where that varies: as many as its error takes.

    error of a pair of frames after 1, 2, … Q stages:   9  5  3  2  1       4  3  1 .5 .2
    a threshold of 2.5 gives them:                            4                 3

A residual chain leaves the more error the more a latent holds, so loud and changing speech takes
many stages and a pause takes one. With one threshold for a whole recording no stage could be moved
from one frame to another and lower the error (reverse water-filling: Cover & Thomas, Elements of
Information Theory, 10.3.3).
"""

import numpy as np

FRAMES = 2
"""Frames in a row that share one number of stages, so that telling it costs half."""

_STEPS = 40
"""Halvings in the search for a threshold."""


def group_errors(errors: np.ndarray) -> np.ndarray:
    """Errors of frames as errors of groups of `FRAMES`, the last of which may have fewer.

    Shape: errors [Q, F] -> [Q, ceil(F / FRAMES)].
    """
    starts = np.arange(0, errors.shape[1], FRAMES)
    sizes = np.minimum(FRAMES, errors.shape[1] - starts)
    return np.add.reduceat(errors, starts, axis=1) / sizes if len(starts) else errors


def allot(errors: np.ndarray, threshold: float) -> np.ndarray:
    """Stages of each column: the first after which the error is within the threshold, or all.

    Shape: errors [Q, N], what is left after 1 … Q stages -> [N] int64, each 1 … Q.

    >>> allot(np.array([[9.0, 4.0], [5.0, 3.0], [3.0, 1.0], [2.0, 0.5]]), 2.5)
    array([4, 3])
    """
    return 1 + np.logical_and.accumulate(errors[:-1] > threshold, axis=0).sum(0)


def threshold_for(errors: np.ndarray, mean_stages: float) -> float:
    """The lowest threshold, within rounding, with which at most `mean_stages` are used on average.

    Shape: errors [Q, N], N > 0.
    """
    low, high = np.log(errors.min() + 1e-20) - 1.0, np.log(errors.max() + 1e-20) + 1.0
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        if allot(errors, float(np.exp(middle))).mean() > mean_stages:
            low = middle
        else:
            high = middle
    return float(np.exp(high))
