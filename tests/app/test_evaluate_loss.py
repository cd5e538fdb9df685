"""`nsvq evaluate --loss` as a person calls it."""

import re
from pathlib import Path

import pytest

pytest.importorskip("pystoi", reason="the extra `evaluate` is not installed")

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture
def evaluate(nsvq, tmp_path):
    """Score one clip by STOI, in this process."""

    def run(*args):
        return nsvq(
            "evaluate", "--data", DATA, "--limit", 1, "--metrics", "stoi", "--jobs", 0,
            "--cache", tmp_path / "cache", "-o", tmp_path / "out", *args,
        )  # fmt: skip

    return run


def test_losses_and_copies_are_lines_of_the_report(evaluate, tmp_path):
    result = evaluate("--rates", 6, "--loss", "0,30", "--copies", "0:0", "--copies", "3:2")
    assert result.exit_code == 0, result.stderr
    table = (tmp_path / "out" / "clips.csv").read_text()
    scores = {
        match[1]: float(match[2])
        for match in re.finditer(r'^"(nsvq[^"]*)",6,.*?,([01]\.\d+),$', table, re.MULTILINE)
    }
    assert set(scores) == {
        "nsvq, 0 % lost", "nsvq, 30 % lost", "nsvq copies 3:2, 0 % lost",
        "nsvq copies 3:2, 30 % lost",
    }  # fmt: skip
    assert scores["nsvq, 0 % lost"] > scores["nsvq copies 3:2, 30 % lost"]
    assert scores["nsvq copies 3:2, 30 % lost"] > scores["nsvq, 30 % lost"]


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (("--loss", "10,x"), 2, "is not a list of numbers"),
        (("--loss", "100"), 2, "below 100"),
        (("--loss", "nan"), 2, "below 100"),
        (("--loss", "60", "--burst", "1"), 1, "bursts of at least 1.5"),
        (("--loss", "10", "--burst", "0"), 1, "bursts of at least 1"),
        (("--loss", "10", "--copies", "3"), 2, "should read STAGES:PACKETS"),
        (("--loss", "10", "--copies", "3:0"), 2, "at least 1 packet"),
        (("--loss", "10", "--copies", "9:1"), 1, "at least 18 stages"),
        (("--loss", "10", "--peers", "opus,speex"), 1, "speex can't lose packets"),
        (("--dtx",), 2, "need --loss"),
        (("--vbr",), 2, "need --loss"),
        (("--loss", "10", "--checkpoint", "a=default@cbr"), 2, "@cbr is of files"),
        (("--loss", "10", "--checkpoint", "default@cbr@4"), 2, "@cbr is of files"),
        (("--loss", "10", "--decoded", f"x@6={DATA}"), 2, "doesn't go with --loss"),
    ],
)
def test_what_can_not_be_lost_is_one_line(evaluate, tmp_path, args, code, words):
    result = evaluate("--rates", 6, *args)
    assert (result.exit_code, result.stdout) == (code, "")
    assert words in " ".join(result.stderr.split())
    assert not (tmp_path / "out").exists()
