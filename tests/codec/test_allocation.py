"""Stages that vary from frame to frame."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.allocation import allocate, group_errors, threshold_for
from codec.bitstream.stage_counts import GROUP


def falling_errors(seed: int, stages: int = 8, frames: int = 40) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.lognormal(2.0, 1.5, frames) * 0.7 ** np.arange(1, stages + 1)[:, None]


@given(st.integers(0, 10_000), st.integers(1, 400))
def test_all_that_may_be_used_is_used(seed: int, total: int) -> None:
    errors = falling_errors(seed)
    stages = allocate(errors, threshold_for(errors, total))
    assert stages.min() >= 1
    assert stages.max() <= 8
    assert stages.sum() == min(max(40, total), 320)


def test_no_other_allocation_of_as_many_stages_has_less_error() -> None:
    errors = falling_errors(1, frames=12)
    stages = allocate(errors, threshold_for(errors, 48))
    total = errors[stages - 1, np.arange(12)].sum()
    for giver in range(12):
        for taker in range(12):
            if giver != taker and stages[giver] > 1 and stages[taker] < 8:
                other = stages.copy()
                other[giver] -= 1
                other[taker] += 1
                assert errors[other - 1, np.arange(12)].sum() > total


@pytest.mark.parametrize("frames", [0, 1, 2, 5])
def test_groups_hold_the_mean_of_their_frames(frames: int) -> None:
    errors = np.arange(3.0 * frames).reshape(3, frames)
    groups = group_errors(errors)
    assert groups.shape == (3, -(-frames // GROUP))
    for number, column in enumerate(groups.T):
        expected = errors[:, number * GROUP : (number + 1) * GROUP].mean(1)
        np.testing.assert_allclose(column, expected)
