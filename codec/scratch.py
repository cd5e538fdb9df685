"""Room for what a layer computes and forgets, used again call after call.

A large array that numpy allocates anew comes from the system page by page, and the first touch of
each page costs more than the arithmetic that fills it.
"""

import math
import threading

import numpy as np


class Scratch:
    """Named stretches of memory, each thread its own.

    >>> scratch = Scratch()
    >>> scratch("sum", 2, 3).shape
    (2, 3)
    """

    def __init__(self) -> None:
        self._local = threading.local()

    def __call__(self, name: str, *shape: int) -> np.ndarray:
        """Numbers of any value, until the same thread asks for the name again.

        Shape: -> [*shape] float32.
        """
        held: dict[str, np.ndarray] = self._local.__dict__
        size = math.prod(shape)
        room = held.get(name)
        if room is None or room.size < size:
            room = held[name] = np.empty(size, np.float32)
        return room[:size].reshape(shape)


scratch = Scratch()
