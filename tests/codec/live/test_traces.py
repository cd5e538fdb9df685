"""Lost packets: as many as asked for, in bursts as long as asked for, the same each time."""

import numpy as np
import pytest

from codec.errors import ConfigError
from codec.live.traces import LossTrace


def bursts(lost: np.ndarray) -> np.ndarray:
    """Lengths of the runs of lost packets."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], lost.astype(int), [0]])))
    return edges[1::2] - edges[::2]


@pytest.mark.parametrize("share", [0.05, 0.2])
@pytest.mark.parametrize("burst", [1.0, 2.0, 5.0])
def test_share_and_bursts_are_those_asked_for(share: float, burst: float) -> None:
    lost = LossTrace(share, burst, seed=3).take(60_000)
    assert lost.mean() == pytest.approx(share, rel=0.1)
    assert bursts(lost).mean() == pytest.approx(burst, rel=0.1)


def test_a_seed_loses_the_same_packets() -> None:
    first, again, other = (LossTrace(0.3, 2.0, seed).take(200) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()
    assert not LossTrace(0.0).take(200).any()


@pytest.mark.parametrize(
    ("share", "burst"),
    [(-0.1, 2.0), (1.0, 2.0), (float("nan"), 2.0), (0.1, 0.5), (0.1, float("inf")), (0.7, 1.0)],
)
def test_what_no_channel_does_is_refused(share: float, burst: float) -> None:
    with pytest.raises(ConfigError, match="expected"):
        LossTrace(share, burst)
