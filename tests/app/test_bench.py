"""`nsvq bench`: its plan and its tables; the measuring itself is tested below training."""

import json
import math

import pytest

from training.evaluation import neural, speed
from training.evaluation.speed import Cost

COLUMNS = (
    "codec", "kbps", "audio s", "encode", "decode", "start s", "delay ms", "first sound ms",
    "peak MB", "model MB", "GMAC/s",
)  # fmt: skip


@pytest.fixture
def planned(monkeypatch):
    """What would be measured, without measuring it."""
    plan: list[tuple[str, str, float, float]] = []

    def measure(kind, source, kbps, seconds, repeats):
        plan.append((kind, source, kbps, seconds))
        return Cost(kind, kbps, seconds, 0.01, 0.02, 1.0, macs=math.nan)

    monkeypatch.setattr(speed, "measure", measure)
    return plan


def test_three_tables_with_every_cost(nsvq, planned, toy_checkpoint):
    result = nsvq("bench", "--checkpoint", toy_checkpoint, "--peers", "", "--lengths", "1,10")
    assert result.exit_code == 0, result.stderr
    for title in ("Codecs", "Cost against stages", "Cost against length"):
        assert title in result.stdout
    heading = " ".join(result.stdout.split("┡")[0].replace("┃", " ").split())
    assert all(word in heading for column in COLUMNS for word in column.split())
    assert "1.00 times" in result.stdout
    rates = [round(kbps, 3) for _, _, kbps, _ in planned]
    assert rates == [1.2, 0.3, 0.6, 1.2, 1.2, 1.2]
    assert [seconds for *_, seconds in planned[-2:]] == [1.0, 10.0]


def test_json_is_one_line_a_measurement(nsvq, planned, toy_checkpoint):
    result = nsvq("bench", "--checkpoint", toy_checkpoint, "--peers", "", "--json")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(lines) == len(planned) == 7
    assert {"table", "encode_rtf", "decode_rtf", "first_sound_ms", "peak_mb", "macs"} <= set(
        lines[0]
    )
    assert lines[0]["macs"] is None


def test_what_is_not_installed_is_one_line(nsvq, planned, toy_checkpoint, monkeypatch):
    monkeypatch.setattr(neural, "missing", lambda: "package transformers not found")
    result = nsvq("bench", "--checkpoint", toy_checkpoint, "--peers", "", "--neural", "mimi,dac")
    assert result.exit_code == 0
    assert result.stderr == "nsvq: mimi, dac skipped: package transformers not found\n"
    assert {kind for kind, *_ in planned} == {"checkpoint"}


@pytest.mark.parametrize("args", ["--lengths one", "--seconds 0", "--neural nope"])
def test_wrong_usage(nsvq, planned, toy_checkpoint, args):
    result = nsvq("bench", "--checkpoint", toy_checkpoint, "--peers", "", *args.split())
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
