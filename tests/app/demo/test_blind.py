"""Blind trials: fair draws, honest bookkeeping."""

import csv
from pathlib import Path

import pytest

from app.demo.blind import (
    COLUMNS,
    Trial,
    Vote,
    VoteBook,
    chance_of_guessing,
    new_trial,
    tally,
    write_votes,
)


def test_letters_are_drawn_evenly() -> None:
    trials = [new_trial("ABX", "clip", "one", "two") for _ in range(2000)]
    for share in (
        sum(t.a == "one" for t in trials),
        sum(t.x == "A" for t in trials),
        sum((t.a if t.x == "A" else t.b) == "one" for t in trials),
    ):
        assert 850 < share < 1150  # six standard deviations
    assert all({t.a, t.b} == {"one", "two"} for t in trials)
    assert new_trial("AB", "clip", "one", "two").x == ""


def test_votes_are_right_or_wrong_only_where_there_is_an_answer() -> None:
    abx = Trial("ABX", "clip", "one", "two", "B")
    assert Vote(abx, "B").correct is True
    assert Vote(abx, "A").correct is False
    assert Vote(Trial("AB", "clip", "one", "two", ""), "A").correct is None


def test_tally() -> None:
    assert tally([]) == "No votes yet."
    abx = Trial("ABX", "clip", "one", "two", "B")
    ab = Trial("AB", "clip", "one", "two", "")
    text = tally([Vote(abx, "B"), Vote(abx, "B"), Vote(abx, "A"), Vote(ab, "B"), Vote(ab, "B")])
    assert "2 of 3 right" in text
    assert "50 %" in text
    assert "two 2×" in text


def test_chance_of_guessing() -> None:
    assert chance_of_guessing(1, 1) == 0.5
    assert chance_of_guessing(12, 16) == pytest.approx(0.0384, abs=1e-4)


def test_the_book_grows_by_one_row_a_vote(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "votes.csv"
    trial = Trial("ABX", "=cmd()", "Original", "6 kbps", "A")
    for choice in "AB":
        VoteBook(path).add(Vote(trial, choice))
    rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    assert tuple(rows[0]) == COLUMNS
    assert [(row[6], row[7]) for row in rows[1:]] == [("A", "1"), ("B", "0")]
    assert rows[1][2] == "'=cmd()"  # never a formula
    write_votes(path, [Vote(trial, "A")])
    assert len(path.read_text().splitlines()) == 2
