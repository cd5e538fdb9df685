"""Numbers made from rows: BD-rate, intervals, the gate, and how rows are kept."""

import dataclasses
import json
import math

import numpy as np
import pytest

from codec.errors import EvaluationError
from training.evaluation.jobs.rows import Row, failures_by_clip, read_csv, write_csv
from training.evaluation.statistics.bdrate import bd_rate, compare
from training.evaluation.statistics.paired_test import against, not_compared
from training.evaluation.statistics.results import gather, read_json, write_json
from training.evaluation.statistics.summary import bootstrap_interval, summarise


def make_rows(system="nsvq", gain=0.0, num_clips=12, rates=(2.0, 4.0, 8.0), seed=0):
    """Rows whose PESQ grows with the bitrate, each clip with its own offset."""
    offsets = np.random.default_rng(seed).normal(0.0, 0.3, num_clips)
    return [
        Row(
            system, rate, f"corpus/speaker{clip % 3}/clip{clip}", seconds=2.0 + clip % 4,
            kbps=rate + 0.3, payload_kbps=rate,
            scores={"pesq_wb": 1.5 + math.log2(rate) / 2 + offset + gain},
        )
        for rate in rates
        for clip, offset in enumerate(offsets)
    ]  # fmt: skip


def test_bd_rate_of_known_curves():
    rates, scores = np.array([2.0, 4.0, 8.0, 16.0]), np.array([1.5, 2.2, 3.0, 3.6])
    assert bd_rate(rates, scores, rates, scores) == pytest.approx(0.0)
    assert bd_rate(rates, scores, 1.3 * rates, scores) == pytest.approx(30.0)
    assert math.isnan(bd_rate(rates, scores, rates, scores + 9.0))


def test_bd_rate_equals_an_independent_implementation():
    """Against `bjontegaard` 1.3.0, `bd_rate(..., method="pchip")`, whose figures are kept here."""
    anchor = np.array([5.2, 7.1, 9.9, 15.3]), np.array([2.26, 2.90, 3.45, 4.23])
    first = np.array([3.2, 6.0, 9.2]), np.array([2.404, 2.992, 3.227])
    second = np.array([1.0, 2.0, 4.0, 6.0, 8.0]), np.array([1.6, 2.1, 2.7, 3.05, 3.3])
    assert bd_rate(*anchor, *first) == pytest.approx(-27.874887098684585, abs=1e-9)
    assert bd_rate(*anchor, *second) == pytest.approx(-34.59527850732735, abs=1e-9)


def test_a_point_that_a_cheaper_one_beats_is_left_out():
    rates, scores = np.array([2.0, 4.0, 8.0]), np.array([1.0, 2.0, 3.0])
    dented = np.array([2.0, 4.0, 5.0, 8.0]), np.array([1.0, 2.0, 1.9, 3.0])
    assert bd_rate(rates, scores, *dented) == pytest.approx(0.0)


def test_bd_rate_of_a_distance_counts_downwards():
    rows = [
        Row(name, rate, f"clip{clip}", seconds=1.0, payload_kbps=rate * factor, kbps=rate,
            scores={"lsd": 10.0 / rate + clip / 10})
        for name, factor in (("nsvq", 0.5), ("peer", 1.0))
        for rate in (2.0, 4.0, 8.0)
        for clip in range(4)
    ]  # fmt: skip
    (found,) = compare(rows, [("nsvq", "peer")], "lsd")
    assert found.percent == pytest.approx(-50.0)
    assert found.low <= found.percent <= found.high
    assert (found.n, found.score_low < found.score_high) == (4, True)


def test_bd_rate_without_common_clips_is_unknown():
    rows = [*make_rows(num_clips=2), Row("peer", 2.0, "other", kbps=2.0, scores={"pesq_wb": 2.0})]
    (found,) = compare(rows, [("nsvq", "peer")], "pesq_wb")
    assert (math.isnan(found.percent), found.n) == (True, 0)


def test_curves_that_only_just_meet_have_no_interval():
    """In many a bootstrap draw the best of one lies below the worst of the other."""
    low, high = make_rows("low", rates=(1.0, 2.0), seed=1), make_rows("high", seed=2)
    best, worst = (
        np.mean([row.scores["pesq_wb"] for row in rows if row.nominal_kbps == 2.0])
        for rows in (low, high)
    )
    shift = best - worst - 0.01
    high = [dataclasses.replace(r, scores={"pesq_wb": r.scores["pesq_wb"] + shift}) for r in high]
    (found,) = compare([*low, *high], [("low", "high")], "pesq_wb")
    assert math.isfinite(found.percent)
    assert found.interval_text(1) == "not known"


def test_interval_holds_the_mean_and_is_the_same_every_time():
    values = np.random.default_rng(3).normal(2.0, 0.5, 100)
    low, high = bootstrap_interval(values)
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * 0.05, rel=0.3)
    assert (low, high) == bootstrap_interval(values)


def test_summary_counts_failures_and_weighs_bitrate_by_length():
    rows = [
        Row("nsvq", 2.0, "a", seconds=1.0, kbps=3.0, payload_kbps=2.0, scores={"stoi": 0.8}),
        Row("nsvq", 2.0, "b", seconds=3.0, kbps=1.0, payload_kbps=2.0, scores={"stoi": 0.9}),
        Row("nsvq", 2.0, "c", error="silent"),
    ]
    (found,) = summarise(rows, ["stoi"])
    assert (found.n, found.failures, found.kbps) == (2, 1, 1.5)
    assert found.mean == pytest.approx(0.85)


@pytest.mark.parametrize(
    ("gain", "verdict"), [(-0.1, "worse"), (0.1, "better"), (0.0, "same"), (-0.001, "same")]
)
def test_gate_finds_a_change_of_the_mean(gain, verdict):
    before = gather(make_rows(), ["pesq_wb"], ["nsvq"], {})
    after = gather(make_rows(gain=gain), ["pesq_wb"], ["nsvq"], {})
    verdicts = {c.verdict for c in against(before, after) if c.metric == "pesq_wb"}
    assert verdicts == {verdict}


def test_gate_takes_noise_for_noise():
    random = np.random.default_rng(5)
    noisy = [
        Row(r.system, r.nominal_kbps, r.clip, kbps=r.kbps, payload_kbps=r.payload_kbps,
            scores={"pesq_wb": r.scores["pesq_wb"] + random.normal(0.0, 0.1)})
        for r in make_rows()
    ]  # fmt: skip
    before, after = (gather(rows, ["pesq_wb"], ["nsvq"], {}) for rows in (make_rows(), noisy))
    assert {change.verdict for change in against(before, after)} == {"same"}


def test_gate_sees_a_new_failure_and_a_higher_bitrate():
    rows = make_rows(rates=(2.0,))
    worse = [Row("nsvq", 2.0, rows[0].clip, error="crashed")]
    worse += [
        Row("nsvq", 2.0, row.clip, kbps=row.kbps * 1.1, scores=row.scores) for row in rows[1:]
    ]
    before, after = (gather(found, ["pesq_wb"], ["nsvq"], {}) for found in (rows, worse))
    verdicts = {change.metric: change.verdict for change in against(before, after)}
    assert verdicts == {"pesq_wb": "same", "kbps": "worse", "failures": "worse"}


def test_gate_refuses_runs_with_nothing_in_common():
    before, after = (gather(make_rows(name), ["pesq_wb"], [name], {}) for name in ("a", "b"))
    with pytest.raises(EvaluationError, match="in common"):
        against(before, after)


def test_gate_refuses_another_recording_of_the_same_name():
    before = gather(make_rows(), ["pesq_wb"], ["nsvq"], {})
    longer = [dataclasses.replace(row, seconds=row.seconds + 0.1) for row in make_rows()]
    with pytest.raises(EvaluationError, match="other recordings"):
        against(before, gather(longer, ["pesq_wb"], ["nsvq"], {}))


def test_gate_tells_what_it_did_not_compare():
    before = gather(make_rows(), ["pesq_wb"], ["nsvq"], {})
    rows = make_rows(rates=(2.0, 4.0))
    kept = [row for row in rows if row.nominal_kbps == 2.0 or row.clip[-1] < "7"]
    after = gather(kept, ["pesq_wb"], ["nsvq"], {})
    assert not_compared(before, before) == []
    assert not_compared(before, after) == ["nsvq 4 kbps: 3 of 12 clips", "nsvq 8 kbps"]


def test_rows_survive_csv(tmp_path):
    rows = [*make_rows(num_clips=2), Row("nsvq", 2.0, "bad, really", error='no "audio"\nhere')]
    write_csv(tmp_path / "clips.csv", rows)
    back = read_csv(tmp_path / "clips.csv")
    assert [(r.system, r.nominal_kbps, r.clip, r.error) for r in back] == [
        (r.system, r.nominal_kbps, r.clip, r.error) for r in rows
    ]
    assert back[0].scores["pesq_wb"] == pytest.approx(rows[0].scores["pesq_wb"], rel=1e-5)


def test_a_foreign_table_is_read(tmp_path):
    columns = "codec,nominal,clip,kbps,seconds,pesq_wb,stoi,lag"
    (tmp_path / "lyra.csv").write_text(f"{columns}\nlyra,3.2,a/b/c.flac,3.2,4.0,1.96,0.88,-1\n")
    (row,) = read_csv(tmp_path / "lyra.csv")
    assert (row.system, row.nominal_kbps, row.payload_kbps, row.lag) == ("lyra", 3.2, 3.2, -1)
    assert row.scores == {"pesq_wb": 1.96, "stoi": 0.88}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "codec,clip\na,b\n",
        "codec,nominal,clip,kbps,stoi\na,1,c,x,0.5\n",
        "codec,nominal,clip,kbps\n",
    ],
)
def test_a_table_that_is_none_is_an_error(tmp_path, text):
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(EvaluationError, match=r"bad\.csv"):
        read_csv(tmp_path / "bad.csv")


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["a,1,x,1,0.5", "a,1,x,1,0.6"], "twice"),
        (["a,1,x,1,inf"], "finite"),
        (["a,1,x,nan,0.5"], "finite"),
    ],
)
def test_a_table_that_would_bend_a_mean_is_an_error(tmp_path, lines, reason):
    (tmp_path / "bad.csv").write_text("\n".join(["codec,nominal,clip,kbps,stoi", *lines]))
    with pytest.raises(EvaluationError, match=reason):
        read_csv(tmp_path / "bad.csv")


def test_failures_are_told_once_a_clip_and_reason():
    rows = [Row("a", kbps, "x", error="silent") for kbps in (1.0, 2.0)]
    rows += [Row("a", 1.0, "y", error="short"), Row("a", 1.0, "z")]
    assert failures_by_clip(rows) == [("x", "silent", ["a 1", "a 2"]), ("y", "short", ["a 1"])]


def test_results_survive_json(tmp_path):
    rows = [*make_rows(), *make_rows("peer", -0.2), Row("peer", 2.0, "x", error="silent")]
    results = gather(rows, ["pesq_wb", "stoi"], ["nsvq"], {"date": "2026-01-01"})
    write_json(results, tmp_path / "results.json")
    back = read_json(tmp_path / "results.json")
    assert back.metrics == results.metrics == ("pesq_wb",)
    assert [s.mean for s in back.summaries] == pytest.approx([s.mean for s in results.summaries])
    assert back.bd_rates[0].percent == pytest.approx(results.bd_rates[0].percent, rel=1e-4)
    failures = json.loads((tmp_path / "results.json").read_text())["failures"]
    assert [failure["error"] for failure in failures] == ["silent"]


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"format": "x"}'])
def test_other_json_is_refused(tmp_path, text):
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(EvaluationError, match=r"bad\.json"):
        read_json(tmp_path / "bad.json")
