"""What every engine shares: a bounded number of groups under way, and workers that may die.

    recordings -> groups -> pool.submit ... pool.wait -> outcomes, in the order they are ready

A group is so many recordings as take a worker about a quarter of a second, so that what it costs
to hand them over does not count. A worker that dies (killed, out of memory, a crash in a library)
takes no recording with it: what it and its neighbours had at hand is done again, one at a time,
so that only the recording which kills its worker each time fails.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Protocol, TypeAlias

from app.tokens.recording import Outcome, Recording, failed

MAX_TRIES = 3
"""How often a recording whose worker died is tried in all."""
GROUP_S = 0.25
"""A worker's time for a group."""
LARGEST = 32
"""Most recordings in a group."""
Group: TypeAlias = tuple[Recording, ...]


class Pool(Protocol):
    """Workers of one engine."""

    @property
    def window(self) -> int:
        """How many groups may be under way."""

    def submit(self, group: Group) -> None:
        """Start one."""

    def wait(self) -> list[tuple[Group, list[Outcome] | None]]:
        """Those that ended since, at least one; None instead of outcomes: the worker died.

        Raises:
            CodecError: the workers can't do their work at all.
        """

    def close(self) -> None:
        """Stop the workers, whatever they do."""


def outcomes(pool: Pool, recordings: Iterable[Recording]) -> Iterator[Outcome]:
    """The outcome of every recording."""
    source, under_way, pace = iter(recordings), 0, Pace()
    suspects: deque[Recording] = deque()
    while True:
        while under_way < pool.window and (group := tuple(islice(source, pace.size))):
            pool.submit(group)
            under_way += 1
        if not under_way:
            break
        for group, found in pool.wait():
            under_way -= 1
            if found is None:
                suspects.extend(group)
            else:
                pace.add(found)
                yield from found
    yield from (_alone(pool, recording) for recording in suspects)


class Pace:
    """How many recordings make a group: one at first, then what the last ones took decides."""

    def __init__(self) -> None:
        self.size = 1

    def add(self, found: Sequence[Outcome]) -> None:
        """Count a group that is done."""
        each_s = sum(outcome.processor_s for outcome in found) / len(found)
        self.size = max(1, min(LARGEST, 2 * self.size, int(GROUP_S / max(each_s, 1e-6))))


def _alone(pool: Pool, recording: Recording) -> Outcome:
    """The outcome of a recording whose worker died, tried again with nothing beside it."""
    for _ in range(MAX_TRIES - 1):
        pool.submit((recording,))
        ((_, found),) = pool.wait()
        if found is not None:
            return found[0]
    return failed(recording, f"its worker died {MAX_TRIES} times (killed, or out of memory)")
