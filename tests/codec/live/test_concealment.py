"""What stands in for lost frames: the last one, then silence; a straight line where it can be."""

import numpy as np
import pytest

from codec import Codec
from codec.floor import LEVEL
from codec.live import Redundancy
from codec.live.concealment import LossState, conceal

FRAME_MS = 20.0


def state(num_lost: int) -> LossState:
    return LossState(FRAME_MS, np.zeros(2, np.float32), np.full(2, 8.0, np.float32), num_lost)


@pytest.mark.parametrize(
    ("num_lost", "level"), [(1, 8), (3, 8), (4, 6), (6, 2), (7, 0), (1_000, 0)]
)
def test_the_last_frame_is_held_and_fades(num_lost: int, level: float) -> None:
    assert conceal(state(num_lost)).tolist() == [level, level]


@pytest.mark.parametrize(
    ("num_lost", "frames", "level"), [(1, 1, 4), (1, 3, 6), (2, 2, 4), (3, 1, 2)]
)
def test_a_gap_is_bridged_to_the_frame_behind_it(num_lost: int, frames: int, level: float) -> None:
    found = conceal(state(num_lost), frames, np.zeros(2, np.float32))
    assert found.tolist() == pytest.approx([level, level])


def test_no_bridge_over_a_long_gap() -> None:
    assert conceal(state(7), 1, np.full(2, 5.0, np.float32)).tolist() == [0.0, 0.0]


def test_a_dead_line_becomes_silent(toy: Codec) -> None:
    wave = (0.3 * np.random.default_rng(0).standard_normal(8_000)).astype(np.float32)
    decoder = toy.decoder(16_000)
    for packet in toy.encoder(16_000).push(wave):
        decoder.push(packet)
    dead = np.concatenate([decoder.push(None) for _ in range(60)])
    quiet = toy.decoder(16_000)
    still = np.concatenate([quiet.push(None) for _ in range(60)])
    highest = 4 * LEVEL  # of the noise under both
    np.testing.assert_allclose(dead[-320:], still[-320:], atol=1e-4 + highest)


def test_waiting_alone_bridges_gaps(toy: Codec) -> None:
    wave = (0.3 * np.random.default_rng(0).standard_normal(8_000)).astype(np.float32)
    packets = toy.encoder(16_000).push(wave)
    waits = toy.decoder(16_000, redundancy=Redundancy(0, 1))
    for number, packet in enumerate(packets):
        waits.push(None if number == 5 else packet)
    assert (waits.num_concealed, waits.num_repaired) == (1, 0)
