"""Levels over time and frequency: bounded, finite, and a tone where it is."""

import numpy as np
import pytest

from training.evaluation.report.spectrogram import level_db


@pytest.mark.parametrize("seconds", [0.0, 0.01, 1.0, 40.0])
def test_waves_of_any_length_are_bounded(seconds: float) -> None:
    wave = np.random.default_rng(1).standard_normal(int(seconds * 16_000)).astype(np.float32)
    level = level_db(wave, max_columns=720)
    assert level.shape[0] == 257
    assert 1 <= level.shape[1] <= 720
    assert np.isfinite(level).all()


def test_columns_are_the_mean_power_of_their_frames() -> None:
    wave = np.random.default_rng(2).standard_normal(128 * 20_001).astype(np.float32)
    power = 10.0 ** (level_db(wave) / 10.0)
    columns = 10.0 ** (level_db(wave, max_columns=720) / 10.0)
    size = -(-power.shape[1] // 720)
    expected = power[:, : size * 700].reshape(257, 700, size).mean(axis=2)
    np.testing.assert_allclose(columns[:, :700], expected, rtol=1e-3)


@pytest.mark.parametrize("size", [512, 1024])
def test_a_tone_at_full_scale_is_0_db_at_its_frequency(size: int) -> None:
    wave = np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000).astype(np.float32)
    level = level_db(wave, size, size // 4)[:, 10:-10].mean(axis=1)
    assert level.argmax() == 1000 * size // 16_000
    assert level.max() == pytest.approx(0.0, abs=0.01)
