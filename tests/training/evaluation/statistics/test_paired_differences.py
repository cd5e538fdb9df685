"""Differences of scores, paired by clip."""

from pathlib import Path

import pytest

from training.evaluation.statistics.paired_differences import main

TABLE = """system,nominal_kbps,clip,seconds,kbps,pesq_wb,error
ours,6.0,a,1,6.1,3.0,
ours,6.0,b,1,6.1,3.4,
ours,6.0,c,1,6.1,,failed
ours,3.0,a,1,3.1,1.0,
theirs,6.0,a,1,6.0,2.0,
theirs,6.0,b,1,6.0,2.0,
theirs,6.0,c,1,6.0,2.0,
"""


def test_clips_that_both_scored_are_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, other = tmp_path / "clips.csv", tmp_path / "other.csv"
    table.write_text(TABLE)
    other.write_text(TABLE.replace("2.0", "2.1"))
    assert main([str(table), "ours@6", "theirs@6"]) == 0
    assert "pesq_wb +1.2000 ± 0.3920, n = 2" in capsys.readouterr().out
    assert main([str(table), "ours@6", "theirs@6", str(other)]) == 0
    assert "pesq_wb +1.1000 ± 0.3920, n = 2" in capsys.readouterr().out


@pytest.mark.parametrize("codec", ["ours@3", "ours@4", "ours", "ours@x", "none@6"])
def test_what_can_not_be_compared_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], codec: str
) -> None:
    table = tmp_path / "clips.csv"
    table.write_text(TABLE)
    assert main([str(table), codec, "theirs@6"]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert main([]) == 2
