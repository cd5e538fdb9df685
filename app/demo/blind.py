"""Blind listening: who knows the answer, and what is written down.

ABX asks whether X is A or B (can you hear a difference at all?); AB asks which sounds better. Which
candidate hides behind which letter is drawn anew for every trial and leaves the server only with
the vote.
"""

import csv
import math
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

COLUMNS = ("time", "mode", "clip", "a", "b", "x", "vote", "correct")


@dataclass(frozen=True)
class Trial:
    """One question and its answer."""

    mode: str
    """"ABX" or "AB"."""
    clip: str
    a: str
    """What plays as A."""
    b: str
    x: str
    """In ABX the letter that X equals, "A" or "B"; empty in AB."""


@dataclass(frozen=True)
class Vote:
    """A trial with what the listener said: "A" or "B"."""

    trial: Trial
    choice: str

    @property
    def correct(self) -> bool | None:
        """Whether an ABX vote is right; None in AB, where nothing is right or wrong."""
        return self.choice == self.trial.x if self.trial.mode == "ABX" else None

    def row(self) -> list[str]:
        """The vote as a CSV row under `COLUMNS`."""
        trial = self.trial
        now = datetime.now(UTC).isoformat(timespec="seconds")
        correct = "" if self.correct is None else str(int(self.correct))
        return [now, trial.mode, _cell(trial.clip), trial.a, trial.b, trial.x, self.choice, correct]


def new_trial(mode: str, clip: str, first: str, second: str) -> Trial:
    """A trial over two candidates, letters drawn by chance."""
    a, b = (first, second) if secrets.randbelow(2) else (second, first)
    x = secrets.choice("AB") if mode == "ABX" else ""
    return Trial(mode, clip, a, b, x)


def chance_of_guessing(num_correct: int, num_votes: int) -> float:
    """Probability of at least `num_correct` right answers by tossing a coin.

    >>> chance_of_guessing(9, 10), chance_of_guessing(0, 4)
    (0.0107421875, 1.0)
    """
    ways = sum(math.comb(num_votes, k) for k in range(num_correct, num_votes + 1))
    return ways / 2**num_votes


def tally(votes: Sequence[Vote]) -> str:
    """One sentence on the votes so far."""
    abx = [vote for vote in votes if vote.trial.mode == "ABX"]
    right = sum(bool(vote.correct) for vote in abx)
    parts = []
    if abx:
        chance = chance_of_guessing(right, len(abx))
        parts.append(
            f"ABX: {right} of {len(abx)} right; guessing does as well "
            f"{100 * chance:.0f} % of the time."
        )
    wins: dict[str, int] = {}
    for vote in votes:
        if vote.trial.mode == "AB":
            chosen = vote.trial.a if vote.choice == "A" else vote.trial.b
            wins[chosen] = wins.get(chosen, 0) + 1
    if wins:
        order = sorted(wins.items(), key=lambda item: -item[1])
        parts.append("Preferred: " + ", ".join(f"{name} {count}×" for name, count in order) + ".")
    return " ".join(parts) or "No votes yet."


class VoteBook:
    """The operator's CSV of everybody's votes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()

    def add(self, vote: Vote) -> None:
        """Append one row; the file and its header are made on first use."""
        with self._lock:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_votes(self.path, [vote], append=True)


def write_votes(path: Path, votes: Sequence[Vote], append: bool = False) -> None:
    """Write votes as CSV with a header, or add them to a file that has one."""
    fresh = not (append and path.exists())
    with path.open("a" if append else "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if fresh:
            writer.writerow(COLUMNS)
        writer.writerows(vote.row() for vote in votes)


def _cell(text: str) -> str:
    """Keep a spreadsheet from taking a file name for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text
