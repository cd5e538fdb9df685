"""Which packets get lost: the model of Gilbert and Elliott, seeded.

    received  --- g --->  lost           burst = 1 / b packets on average
              <-- b ---                  share lost = g / (g + b)

Gilbert, "Capacity of a burst-noise channel" (1960); here every packet of the bad state is lost and
none of the good one.
"""

import math

import numpy as np

from codec.errors import ConfigError


class LossTrace:
    """One packet after another, lost or not.

    Args:
        share: of the packets that get lost in the long run, 0 to below 1.
        burst: packets lost in a row on average, at least 1.
        seed: the same seed loses the same packets.

    Raises:
        ConfigError: no channel loses packets like that.
    """

    def __init__(self, share: float, burst: float = 2.0, seed: int = 0) -> None:
        if not (0.0 <= share < 1.0 and 1.0 <= burst < math.inf):
            raise ConfigError(
                f"{100 * share:g} % loss in bursts of {burst:g} packets; expected 0 to below 100 % "
                "and bursts of at least 1"
            )
        self._recover = 1.0 / burst
        self._fail = self._recover * share / (1.0 - share)
        if self._fail > 1.0:
            raise ConfigError(
                f"{100 * share:g} % of packets can't get lost in bursts of {burst:g}; expected "
                f"bursts of at least {share / (1.0 - share):.3g}"
            )
        self._random = np.random.default_rng(seed)
        self._bad = bool(self._random.random() < share)

    def next(self) -> bool:
        """Whether the next packet gets lost.

        >>> trace = LossTrace(0.2, burst=2, seed=1)
        >>> round(sum(trace.next() for _ in range(20_000)) / 20_000, 1)
        0.2
        """
        lost = self._bad
        draw = self._random.random()
        self._bad = bool(draw >= self._recover if lost else draw < self._fail)
        return lost

    def take(self, num_packets: int) -> np.ndarray:
        """The next ones. Shape: -> [num_packets] bool."""
        return np.array([self.next() for _ in range(num_packets)], bool)
