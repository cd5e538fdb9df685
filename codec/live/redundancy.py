"""Copies of earlier frames in later packets: the first stages of frame k - d travel with frame k.

    packet k      | frame k: stage 0 … q-1 | frame k - d: stage 0 … r-1 |
    packet k + d  | frame k + d            | frame k                    |

The codes of both are one payload (`packets`) of q + r stages; the first d copies are of no frame,
and zero. If packet k gets lost and packet k + d doesn't, frame k is heard with r stages. For that
the receiver waits for d packets more. Both sides have to agree on r and d: nothing in a packet
tells of them (docs/loss.md).
"""

import re
from collections import deque
from dataclasses import dataclass
from typing import Self

import numpy as np

from codec.errors import ConfigError, CorruptError

MAX_DISTANCE = 50
"""Packets: a receiver that waits for a second is no partner in a conversation."""


@dataclass(frozen=True)
class Redundancy:
    """How much of which earlier frame a packet repeats.

    Raises:
        ConfigError: less than nothing, or from too far back.
    """

    num_stages: int = 0
    """r; 0 repeats nothing, and the receiver still waits, to fill gaps from both sides."""
    distance: int = 0
    """d, packets between a frame and its copy, for which the receiver waits."""

    def __post_init__(self) -> None:
        good = 0 <= self.distance <= MAX_DISTANCE and self.num_stages >= 0
        if not good or (self.num_stages and not self.distance):
            raise ConfigError(
                f"copies of {self.num_stages} stages after {self.distance} packets; expected at "
                f"least 1 packet and at most {MAX_DISTANCE}"
            )

    @classmethod
    def parse(cls, text: str) -> Self:
        """As commands and programs name it: `STAGES:PACKETS`.

        >>> Redundancy.parse("2:3")
        Redundancy(num_stages=2, distance=3)

        Raises:
            ConfigError: not so written, or less than nothing, or from too far back.
        """
        found = re.fullmatch(r"(\d{1,3}):(\d{1,3})", text.strip())
        if not found:
            raise ConfigError(f"copies {text[:20]!r} should read STAGES:PACKETS, as 3:2")
        return cls(*map(int, found.groups()))

    def own_stages(self, num_stages: int) -> int:
        """q, what is left for the frame itself in a packet of `num_stages`.

        >>> Redundancy(num_stages=3, distance=3).own_stages(12)
        9

        Raises:
            ConfigError: less than the copy.
        """
        own = num_stages - self.num_stages
        if own < max(1, self.num_stages):
            raise ConfigError(
                f"packets of {num_stages} stages with copies of {self.num_stages}; expected at "
                f"least {max(1, 2 * self.num_stages)} stages"
            )
        return own


NONE = Redundancy()
"""Packets of one frame each, as they are without copies."""


class Copies:
    """The sender's last frames."""

    def __init__(self, redundancy: Redundancy) -> None:
        empty = np.zeros(redundancy.num_stages, np.int64)
        self._redundancy = redundancy
        self._held = deque([empty] * redundancy.distance)

    def attach(self, codes: np.ndarray) -> np.ndarray:
        """The codes of a packet: the next frame's and an earlier one's.

        Shape: codes [q] -> [q + r].
        """
        self._held.append(codes[: self._redundancy.num_stages])
        return np.concatenate([codes, self._held.popleft()])


@dataclass(frozen=True)
class Arrival:
    """What the receiver got in place of one packet."""

    own: np.ndarray | None = None
    """Codes [q] of its frame; None if it was lost."""
    copy: np.ndarray | None = None
    """Codes [r] of an earlier frame."""
    sent: bool = True
    """False: the sender sent nothing, as nobody spoke."""
    repaired: bool = False
    """Whether `own` is the copy that came later."""


class Waiting:
    """The receiver's packets that wait for copies."""

    def __init__(self, redundancy: Redundancy) -> None:
        self._redundancy = redundancy
        self._held: deque[Arrival] = deque()

    def split(self, codes: np.ndarray) -> Arrival:
        """Shape: codes [q + r] -> [q] and [r].

        Raises:
            CorruptError: nothing is left for the frame itself.
        """
        own = len(codes) - self._redundancy.num_stages
        if own < 1:
            raise CorruptError(f"a packet of {len(codes)} stages, all of them copies")
        return Arrival(codes[:own], codes[own:] if len(codes) > own else None)

    def push(self, arrival: Arrival) -> Arrival | None:
        """The frame `distance` packets ago, from its copy if need be; None: there was none yet."""
        self._held.append(arrival)
        if len(self._held) <= self._redundancy.distance:
            return None
        frame = self._held.popleft()
        if frame.own is None and frame.sent and arrival.copy is not None:
            return Arrival(arrival.copy, repaired=True)
        return frame

    def next_known(self) -> tuple[int, np.ndarray] | None:
        """How many frames after the last one given out the next comes that arrived, and its codes.

        Shape: -> codes [q].
        """
        for frames, arrival in enumerate(self._held, start=1):
            if arrival.own is not None:
                return frames, arrival.own
        return None
