"""What `nsvq bench` measures, on a small checkpoint and a program: figures that hang together."""

import math
import shutil

import pytest

from codec.errors import EvaluationError
from training.evaluation.cost.speed import measure


def test_every_cost_of_a_checkpoint(toy_checkpoint):
    cost = measure("checkpoint", str(toy_checkpoint), 0.6, 2.0, repeats=1)
    assert (cost.kbps, cost.seconds) == (pytest.approx(0.6), 2.0)
    assert 0 < cost.encode_rtf < 1
    assert 0 < cost.decode_rtf < 1
    assert cost.first_sound_ms > cost.delay_ms > 0
    assert cost.model_mb == pytest.approx(toy_checkpoint.stat().st_size / 1e6)
    assert cost.peak_mb > cost.model_mb
    assert 1e5 < cost.macs < 1e9


@pytest.mark.skipif(not shutil.which("opusenc"), reason="opus-tools is not installed")
def test_every_cost_of_a_program():
    cost = measure("peer", "opus", 6.0, 2.0, repeats=1)
    assert cost.first_sound_ms >= cost.delay_ms == 26.5
    assert 0 <= cost.encode_rtf < 1
    assert 0 < cost.peak_mb < 100
    assert math.isnan(cost.macs)


def test_what_can_not_be_measured_is_an_error():
    with pytest.raises(EvaluationError, match="could not be measured"):
        measure("peer", "nowhere", 6.0, 1.0, repeats=1)
