"""The decoder's noise: fixed, white, and the same in any stretch."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from codec.noise import noise


def one_sample(number: int) -> float:
    """From the format's page, in plain Python."""
    mask = (1 << 64) - 1
    z = ((number + 1) * 0x9E3779B97F4A7C15) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    z ^= z >> 31
    fields = sum((z >> shift) & 0xFFFF for shift in (0, 16, 32, 48))
    return (fields - 131_070) / ((4 * (65_536**2 - 1) / 12) ** 0.5)


def test_it_is_the_sequence_that_the_format_specifies() -> None:
    for start in (0, 123_456_789_012):
        expected = [one_sample(start + n) for n in range(50)]
        assert np.allclose(noise(start, 50), expected, atol=1e-6)


def test_first_samples_never_change() -> None:
    known = [1.42862, 0.13915, -1.45322, 1.11924, -1.00874, 0.06938]
    assert noise(0, 6).round(5).tolist() == np.float32(known).round(5).tolist()


@given(start=st.integers(0, 2**40), length=st.integers(0, 300), cut=st.integers(0, 300))
def test_a_stretch_is_part_of_the_whole(start: int, length: int, cut: int) -> None:
    cut = min(cut, length)
    parts = np.concatenate([noise(start, cut), noise(start + cut, length - cut)])
    assert np.array_equal(parts, noise(start, length))


def test_it_is_white_and_of_variance_one() -> None:
    samples = noise(0, 1 << 18)
    assert abs(samples.mean()) < 0.01
    assert abs(samples.var() - 1.0) < 0.01
    assert np.abs(samples).max() < 3.5
    power = np.abs(np.fft.rfft(samples.reshape(-1, 64))) ** 2
    assert np.abs(power.mean(0)[1:-1] / 64 - 1.0).max() < 0.08
    following = np.corrcoef(samples[:-1], samples[1:])[0, 1]
    assert abs(following) < 0.01
