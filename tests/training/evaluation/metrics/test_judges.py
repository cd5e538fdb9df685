"""Judges of naturalness on real speech: an original scores above what was done to it."""

import math
import subprocess
import sys

import numpy as np
import pytest

from codec.errors import EvaluationError
from training.evaluation.clips import find_clips, read_reference
from training.evaluation.metrics import metric as metric_module
from training.evaluation.metrics.judges import dnsmos, speaker, words
from training.evaluation.metrics.registry import METRIC_GROUPS, METRICS, find_metric

RATE = 16_000
JUDGES = (*METRIC_GROUPS["judges"], "plcmos")


def judge(name: str):
    """The metric, or a skip that says which package is missing."""
    if reason := METRICS[name].missing():
        pytest.skip(f"{name} {reason}")
    return METRICS[name]


@pytest.fixture(scope="module")
def speech(clips):
    return read_reference(find_clips(clips[0])[0])


@pytest.fixture(scope="module")
def noisy(speech):
    noise = 600.0 * np.random.default_rng(0).standard_normal(len(speech))
    return np.clip(speech + noise, -32_768, 32_767).astype(np.int16)


@pytest.mark.parametrize("name", JUDGES)
def test_an_original_scores_above_a_noisy_copy(name, speech, noisy):
    found = judge(name)
    clean, spoiled = (found.compute(speech, wave, RATE) for wave in (speech, noisy))
    assert (clean > spoiled) == found.higher_is_better
    ends = sorted((found.low, found.high))
    assert all(ends[0] - 0.01 <= value <= ends[1] + 0.01 for value in (clean, spoiled))


@pytest.mark.parametrize("name", JUDGES)
def test_a_score_does_not_hang_on_what_was_scored_before(name, speech, noisy):
    found = judge(name)
    first = found.compute(speech, noisy, RATE)
    found.compute(noisy[::-1].copy(), speech[::-1].copy(), RATE)
    for remembered in (dnsmos._all_parts, speaker._embedding, words._heard):
        remembered.cache_clear()
    assert found.compute(speech, noisy, RATE) == pytest.approx(first, abs=1e-6)


@pytest.mark.parametrize("name", JUDGES)
@pytest.mark.parametrize("bad", ["silent output", "short", "loud"])
def test_what_a_judge_refuses_is_an_error_of_ours(name, bad, speech):
    found = judge(name)
    pair = {
        "silent output": (speech, 0 * speech),
        "short": (speech[8_000:8_200], speech[8_000:8_200]),
        "loud": (speech, np.full_like(speech, -32_768)),
    }[bad]
    try:
        assert math.isfinite(found.compute(*pair, RATE))
    except EvaluationError as error:
        assert len(str(error).splitlines()) == 1


def test_distillmos_hears_no_reference(speech, noisy):
    found = judge("distillmos")
    assert not found.uses_reference
    assert found.compute(speech, noisy, RATE) == found.compute(noisy, noisy, RATE)


def test_another_speaker_is_less_like_than_the_same_one(clips):
    found = judge("speaker")
    one, other = (read_reference(find_clips(path)[0])[:32_000] for path in clips[:2])
    size = min(len(one), len(other))
    assert found.compute(one[:size], one[:size], RATE) == pytest.approx(1.0, abs=1e-5)
    assert found.compute(one[:size], other[:size], RATE) < 0.9


def test_words_are_counted_by_edits():
    assert words.edits(["a", "b", "c", "d"], ["a", "x", "c"]) == 2
    assert words.edits([], ["a"]) == 1
    assert words.edits(["a"], []) == 1


def test_a_missing_package_is_one_line_that_names_the_extra(monkeypatch):
    real = metric_module.importlib.util.find_spec
    monkeypatch.setattr(
        metric_module.importlib.util,
        "find_spec",
        lambda name: None if name == "distillmos" else real(name),
    )
    with pytest.raises(EvaluationError, match=r"needs distillmos.*nsvq-codec\[judges\]"):
        find_metric("distillmos")


def test_no_judge_is_loaded_before_it_is_used():
    packages = {module for name in JUDGES for module in METRICS[name].modules}
    code = "import sys, training.evaluation.metrics.registry; print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert not packages & set(loaded)


def test_groups_name_metrics_that_exist():
    assert all(name in METRICS for names in METRIC_GROUPS.values() for name in names)
    assert {name for name, found in METRICS.items() if found.modules} == set(JUDGES)
