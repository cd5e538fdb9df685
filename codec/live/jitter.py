"""Numbered packets from a network, in the order sent: late, doubled and strange ones sorted out.

    network --put(sequence, payload)--> | held, at most `most` | --take()--> decoder, every 20 ms

The buffer waits until `depth` packets are held, then one leaves at each `take`. A packet that is
missing when others behind it are there counts as lost. Where none is there at all, time stretches:
`take` gives None without going on, and packets that prove lost later are not waited for again.
"""

from dataclasses import dataclass

_WRAP = 1 << 16
_FAR = 1_000
"""Packets ahead or behind from which a number is believed only when the next one follows it."""


@dataclass
class JitterCounts:
    """What became of the packets."""

    received: int = 0
    """All that came."""
    played: int = 0
    """Given out by `take`."""
    lost: int = 0
    """Missing when their turn came."""
    late: int = 0
    """Came after their turn, or twice after it."""
    doubled: int = 0
    """Came again while held."""
    refused: int = 0
    """A number far from the others, or a payload too long."""
    skipped: int = 0
    """Dropped unheard because too many were held, as when the sender's clock runs faster."""
    starved: int = 0
    """Times that nothing was there to give."""


class JitterBuffer:
    """Holds packets until their turn.

    Args:
        depth: packets to gather before the first is given; what they last is added to the delay.
        most: packets held at most, at least `depth`.
        max_bytes: the longest payload to keep.

    >>> buffer = JitterBuffer(depth=2)
    >>> for number, payload in ((7, b"b"), (6, b"a"), (9, b"d")):
    ...     buffer.put(number, payload)
    >>> [buffer.take() for _ in range(4)]
    [b'a', b'b', None, b'd']
    """

    def __init__(self, depth: int = 3, most: int = 50, max_bytes: int = 1_500) -> None:
        self.depth, self._most, self._max_bytes = depth, max(depth, most), max_bytes
        self._held: dict[int, bytes] = {}
        self._next: int | None = None
        """Unwrapped number of the packet whose turn is next; None before the first `take`."""
        self._newest = 0
        self._suspect: int | None = None
        self._owed = 0
        """Times starved since the last packet: as many lost ones need no waiting."""
        self.counts = JitterCounts()

    def __len__(self) -> int:
        """Packets held."""
        return len(self._held)

    @property
    def playing(self) -> bool:
        """Whether the first packets were gathered."""
        return self._next is not None

    def put(self, sequence: int, payload: bytes) -> None:
        """A packet came.

        Args:
            sequence: its number, which goes round at 2^16.
        """
        self.counts.received += 1
        if len(payload) > self._max_bytes:
            self.counts.refused += 1
            return
        number = self._unwrapped(sequence % _WRAP)
        if number is None:
            self.counts.refused += 1
        elif self._next is not None and number < self._next:
            self.counts.late += 1
        elif number in self._held:
            self.counts.doubled += 1
        else:
            self._held[number] = payload
            self._newest = max(self._newest, number)
            self._limit()

    def take(self) -> bytes | None:
        """The packet whose turn it is; None if it is missing or none are gathered yet."""
        if self._next is None:
            if len(self._held) < self.depth:
                return None
            self._next = min(self._held)
        if not self._held:
            self.counts.starved += 1
            self._owed += 1
            return None
        while self._owed and self._next not in self._held:
            self._next, self._owed = self._next + 1, self._owed - 1
            self.counts.lost += 1
        self._owed = 0
        payload = self._held.pop(self._next, None)
        self._next += 1
        self.counts.lost += payload is None
        self.counts.played += payload is not None
        return payload

    def _unwrapped(self, sequence: int) -> int | None:
        """The number as it would be had it never gone round; None if it can't be believed."""
        if not self.counts.played and not self._held and self._next is None:
            self._newest = sequence
            return sequence
        ahead = (sequence - self._newest + _WRAP // 2) % _WRAP - _WRAP // 2
        if abs(ahead) < _FAR:
            self._suspect = None
            return self._newest + ahead
        expected, self._suspect = self._suspect, (sequence + 1) % _WRAP
        if sequence != expected:
            return None
        self._restart(sequence)
        return sequence

    def _restart(self, sequence: int) -> None:
        """The sender began anew: what is held belongs to the past."""
        self.counts.skipped += len(self._held)
        self._held.clear()
        self._next, self._newest, self._owed = None, sequence, 0

    def _limit(self) -> None:
        """Drop the oldest where too many are held, so that the delay stays bounded."""
        if len(self._held) <= self._most:
            return
        kept = sorted(self._held)[-self.depth :]
        self.counts.skipped += len(self._held) - len(kept)
        self._held = {number: self._held[number] for number in kept}
        if self._next is not None:
            self._next = kept[0]
