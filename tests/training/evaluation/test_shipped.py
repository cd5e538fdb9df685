"""The shipped checkpoint still scores on the bundled clips what it did when it was shipped."""

from dataclasses import replace
from pathlib import Path

import pytest

from codec.catalog import find_checkpoint
from codec.errors import CheckpointError
from training.evaluation.session import Session, Settings
from training.evaluation.statistics.paired_test import against
from training.evaluation.statistics.results import read_json

DATA = Path(__file__).parents[2] / "data"
BASELINE = DATA / "baseline.json"
RENEW = (
    "nsvq evaluate --data tests/data --rates 1.5,3,6 --metrics pesq_wb,stoi "
    "--baseline tests/data/baseline.json"
)


def test_fewer_stages_are_seen_by_the_gate():
    """What the baseline holds at 1.5 kbps, given out as 6: a decoder that drops most of its stages.

    3 kbps given out as 6 is too little for five clips: one gains twice as much as the others.
    """
    before = read_json(BASELINE)
    scores = {row.clip: row.scores for row in before.rows if row.nominal_kbps == 1.5}
    rows = [
        replace(row, scores=scores[row.clip]) if row.nominal_kbps == 6.0 else row
        for row in before.rows
    ]
    changes = against(before, replace(before, rows=tuple(rows)))
    worse = {
        (change.nominal_kbps, change.metric) for change in changes if change.verdict == "worse"
    }
    assert worse == {(6.0, "pesq_wb"), (6.0, "stoi")}


def test_shipped_checkpoint_is_as_good_as_its_committed_figures(tmp_path):
    try:
        find_checkpoint("default")
    except CheckpointError as error:
        pytest.skip(str(error))
    if not BASELINE.exists():
        pytest.skip(f"no {BASELINE.name}; make it with: {RENEW}")
    settings = Settings(
        data=DATA, rates_kbps=(1.5, 3.0, 6.0), metrics=("pesq_wb", "stoi"), num_processes=0,
        cache=tmp_path,
    )  # fmt: skip
    changes = against(read_json(BASELINE), Session(settings).run())
    assert [change for change in changes if change.verdict == "worse"] == []
