"""A short fuzz in the test suite: a fixed sequence of inputs whose outcomes are golden.

`make fuzz` goes on from the same seeds, guided by coverage. New outcomes on purpose are fixed by
`python tests/fuzz/fix_outcomes.py`.
"""

import hashlib
import importlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
OUTCOMES = json.loads((HERE / "outcomes.json").read_text())
NUM_INPUTS = {
    "reader": 4_000, "stream": 2_000, "growing": 2_000, "decompress": 800, "audio": 300,
    "pipe": 1_000, "checkpoint": 300,
}  # fmt: skip
FIXED = ("reader", "stream", "growing", "decompress")
"""Targets whose outcomes depend on nothing but this repository."""


@pytest.fixture
def targets(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(HERE)
    return importlib.import_module("targets")


def outcomes_of(targets: Any, name: str) -> tuple[dict[str, int], str]:
    """How often each error and any result came, and a hash over all outcomes in order."""
    run, digest, counts = targets.TARGETS[name], hashlib.sha256(), Counter[str]()
    for number in range(NUM_INPUTS[name]):
        outcome = run(targets.mutated(name, number))
        digest.update(f"{outcome}\n".encode())
        counts.update(word if word.endswith("Error") else "sound" for word in outcome.split()[-1:])
    return dict(sorted(counts.items())), digest.hexdigest()[:16]


@pytest.mark.parametrize("name", NUM_INPUTS)
@pytest.mark.filterwarnings("ignore")  # libmpg123 and numpy comment on nonsense
def test_every_input_ends_in_a_named_error_or_a_result(name: str, targets: Any) -> None:
    assert set(NUM_INPUTS) == set(targets.TARGETS)
    counts, digest = outcomes_of(targets, name)
    assert sum(counts.values()) == NUM_INPUTS[name]
    assert len(counts) > 1  # some are refused, some are not
    if name in FIXED:
        assert [counts, digest] == OUTCOMES[name]
