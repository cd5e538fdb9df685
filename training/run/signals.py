"""Ctrl-C and SIGTERM that wait until a step is whole: half a step must never be saved."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def held_back() -> Iterator[Callable[[], bool]]:
    """A block during which these signals wait; the first that came is raised after it.

    Gives a function that tells whether one is waiting. The same signal a second time doesn't wait.
    (torchrun sends SIGTERM after the terminal's Ctrl-C: those are two signals, once each.)
    """
    waiting: list[int] = []
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def hold(number: int, frame: FrameType | None) -> None:
        if number in waiting:
            signal.signal(number, before[signal.Signals(number)])
            signal.raise_signal(number)
        waiting.append(number)

    in_main_thread = threading.current_thread() is threading.main_thread()  # else none arrives here
    if in_main_thread:
        for number in SIGNALS:
            signal.signal(number, hold)
    try:
        yield lambda: bool(waiting)
    finally:
        if in_main_thread:
            for number, handler in before.items():
                signal.signal(number, handler)
    if waiting:
        signal.raise_signal(waiting[0])
