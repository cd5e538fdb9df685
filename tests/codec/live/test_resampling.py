"""The short resampler: tones keep their place, level and shape; what can't be kept is gone."""

import numpy as np
import pytest

from codec.live.resampling import ShortResampler, delay_ms
from codec.resampling import Resampler

RATES = [(48_000, 16_000), (16_000, 48_000), (44_100, 16_000), (16_000, 44_100), (8_000, 16_000),
         (16_000, 8_000), (22_051, 16_000)]  # fmt: skip


def resampled(wave: np.ndarray, from_rate: int, to_rate: int, piece: int) -> np.ndarray:
    resampler = ShortResampler(from_rate, to_rate, lambda count: count * to_rate // from_rate)
    parts = [
        part
        for start in range(0, len(wave), piece)
        for part in resampler.push(wave[None, start : start + piece])
    ]
    return np.concatenate([*parts, *resampler.finish()], axis=1)[0]


def tone(hertz: float, rate: int) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(rate // 2) / rate)).astype(np.float32)


@pytest.mark.parametrize(("from_rate", "to_rate"), RATES)
def test_a_tone_keeps_its_place_and_level(from_rate: int, to_rate: int) -> None:
    for share in (0.01, 0.2, 0.4):  # of the lower rate
        hertz = share * min(from_rate, to_rate)
        found = resampled(tone(hertz, from_rate), from_rate, to_rate, 1_000)
        middle = slice(to_rate // 8, 3 * to_rate // 8)
        error = found[middle] - tone(hertz, to_rate)[: len(found)][middle]
        assert np.abs(error).max() < 0.5 * 10 ** (-60 / 20)


@pytest.mark.parametrize(("from_rate", "to_rate"), [(48_000, 16_000), (44_100, 16_000)])
def test_what_lies_above_is_gone(from_rate: int, to_rate: int) -> None:
    found = resampled(tone(9_500, from_rate), from_rate, to_rate, 1_000)
    assert np.abs(found[to_rate // 8 : 3 * to_rate // 8]).max() < 0.5 * 10 ** (-60 / 20)


@pytest.mark.parametrize(("from_rate", "to_rate"), RATES)
def test_pieces_do_not_show(from_rate: int, to_rate: int) -> None:
    wave = np.random.default_rng(0).standard_normal(3_000).astype(np.float32)
    whole = resampled(wave, from_rate, to_rate, len(wave))
    assert len(whole) == 3_000 * to_rate // from_rate
    for piece in (1, 7, 320, 1_999):
        np.testing.assert_array_equal(resampled(wave, from_rate, to_rate, piece), whole)


def test_minutes_are_held_in_the_memory_of_a_moment() -> None:
    resampler = ShortResampler(48_000, 16_000, lambda count: count // 3)
    for _ in range(300):
        list(resampler.push(np.zeros((1, 48_000), np.float32)))
    assert len(resampler._held) < 1_000
    assert resampler._held.base is None


@pytest.mark.parametrize(
    ("from_rate", "to_rate", "least_ms"), [(48_000, 16_000, 30), (8_000, 16_000, 100)]
)
def test_soxr_would_hold_a_stream_back(from_rate: int, to_rate: int, least_ms: float) -> None:
    soxr = Resampler(from_rate, to_rate, lambda count: count * to_rate // from_rate)
    step, longest, num_out = from_rate // 1_000, 0.0, 0
    for turn in range(1, 1_000):
        parts = soxr.push(np.zeros((1, step), np.float32))
        num_out += sum(part.shape[1] for part in parts)
        longest = max(longest, turn - 1_000.0 * num_out / to_rate)
    assert longest > least_ms > 5 * delay_ms(from_rate, to_rate)
