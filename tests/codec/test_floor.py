"""A floor of noise under what is decoded: the same however it is cut up, and as loud as it says."""

import numpy as np
import pytest

from codec import Codec
from codec.floor import LEVEL, PERIOD, Floor
from codec.noise import noise


def floor(num_samples: int, cuts: tuple[int, ...] = ()) -> np.ndarray:
    """Shape: -> [T]."""
    found = Floor()
    pieces = np.split(np.zeros((1, num_samples), np.float32), cuts, axis=1)
    for piece in pieces:
        found.add(piece)
    return np.concatenate(pieces, axis=1)[0]


def test_it_is_what_the_format_says_again_and_again() -> None:
    white, total = noise(0, PERIOD).astype(float), np.zeros(PERIOD)
    for k in range(16):
        total += 0.7**k * white[(np.arange(PERIOD) - k) % 65_536]
    expected = 4 / 32_768 / sum(0.49**k for k in range(16)) ** 0.5 * total
    np.testing.assert_allclose(floor(2 * PERIOD + 7), np.resize(expected, 2 * PERIOD + 7), 1e-4)


def test_it_is_as_loud_as_it_says_and_louder_at_low_frequencies() -> None:
    assert floor(PERIOD).std() == pytest.approx(4 / 32_768, rel=0.01)
    power = np.square(np.abs(np.fft.rfft(floor(PERIOD)))).reshape(-1)[: PERIOD // 2]
    octaves = [power[PERIOD // 2 >> n : PERIOD // 2 >> n - 1].mean() for n in (1, 2, 3)]
    assert 2.0 < octaves[1] / octaves[0] < 4.0
    assert 2.0 < octaves[2] / octaves[1] < 4.0


@pytest.mark.parametrize("cuts", [(0, 1), (PERIOD,), (PERIOD - 1, PERIOD + 1), (40_000, 140_000)])
def test_however_the_wave_is_cut(cuts: tuple[int, ...]) -> None:
    assert (floor(150_000, cuts) == floor(150_000)).all()


def test_all_channels_have_it_and_silence_is_no_louder() -> None:
    codec = Codec.load()
    decoded = codec.decompress(codec.compress(np.zeros((2, 16_000), np.float32), 16_000))[0]
    assert (decoded[0] == decoded[1]).all()
    assert np.corrcoef(decoded[0], floor(16_000))[0, 1] > 0.9
    assert decoded.std() < 2 * LEVEL
