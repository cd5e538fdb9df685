"""What every engine shares: a bounded number of recordings under way, and workers that may die.

    recordings -> pool.submit ... pool.wait -> outcomes, in the order in which they are ready

A worker that dies (killed, out of memory, a crash in a library) takes no recording with it: what
it and its neighbours had at hand is done again, one at a time, so that only the recording which
kills its worker each time fails.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Protocol

from app.tokens.recording import Outcome, Recording, failed

MAX_TRIES = 3
"""How often a recording whose worker died is tried in all."""


class Pool(Protocol):
    """Workers of one engine."""

    @property
    def window(self) -> int:
        """How many recordings may be under way."""

    def submit(self, recording: Recording) -> None:
        """Start one."""

    def wait(self) -> list[tuple[Recording, Outcome | None]]:
        """Those that ended since, at least one; None instead of an outcome: the worker died.

        Raises:
            CodecError: the workers can't do their work at all.
        """

    def close(self) -> None:
        """Stop the workers, whatever they do."""


def outcomes(pool: Pool, recordings: Iterable[Recording]) -> Iterator[Outcome]:
    """The outcome of every recording."""
    source, under_way = iter(recordings), 0
    suspects: deque[Recording] = deque()
    while True:
        while under_way < pool.window and (one := next(source, None)) is not None:
            pool.submit(one)
            under_way += 1
        if not under_way:
            break
        for recording, outcome in pool.wait():
            under_way -= 1
            if outcome is None:
                suspects.append(recording)
            else:
                yield outcome
    yield from (_alone(pool, recording) for recording in suspects)


def _alone(pool: Pool, recording: Recording) -> Outcome:
    """The outcome of a recording whose worker died, tried again with nothing beside it."""
    for _ in range(MAX_TRIES - 1):
        pool.submit(recording)
        ((_, outcome),) = pool.wait()
        if outcome is not None:
            return outcome
    return failed(recording, f"its worker died {MAX_TRIES} times (killed, or out of memory)")
