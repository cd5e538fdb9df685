"""A floor of noise under what is decoded: the same however it is cut up, and as loud as it says."""

import numpy as np
import pytest

from codec import Codec
from codec.floor import BLOCK, LEVEL, Floor
from codec.noise import noise

PERIOD = 65_536


def floor(wave: np.ndarray, cuts: tuple[int, ...] = ()) -> np.ndarray:
    """What is added to a wave that comes in pieces. Shape: wave [T] -> [T]."""
    found = Floor()
    pieces = np.split(wave.copy(), cuts)
    for piece in pieces:
        found.add(piece)
    return np.concatenate(pieces) - wave


def speech(num_samples: int, peak: float = 0.5) -> np.ndarray:
    """Nothing but a click in each block. Shape: -> [T]."""
    wave = np.zeros(num_samples, np.float32)
    wave[100::BLOCK] = peak
    return wave


def test_it_is_what_the_format_says_again_and_again() -> None:
    white, total = noise(0, PERIOD).astype(float), np.zeros(PERIOD)
    for k in range(16):
        total += 0.5**k * white[(np.arange(PERIOD) - k) % PERIOD]
    expected = 4 / 32_768 / sum(0.25**k for k in range(16)) ** 0.5 * total
    found = floor(speech(2 * PERIOD + 7))
    np.testing.assert_allclose(found, np.resize(expected, len(found)), atol=1e-7)


def test_it_is_as_loud_as_it_says_and_louder_at_low_frequencies() -> None:
    found = floor(speech(PERIOD))
    assert found.std() == pytest.approx(LEVEL, rel=0.01)
    power = np.square(np.abs(np.fft.rfft(found)))[: PERIOD // 2]
    octaves = [power[PERIOD // 2 >> n : PERIOD // 2 >> n - 1].mean() for n in (1, 2, 3)]
    assert 1.7 < octaves[1] / octaves[0] < 3.0
    assert 1.7 < octaves[2] / octaves[1] < 3.0


@pytest.mark.parametrize("cuts", [(0, 1), (PERIOD,), (BLOCK - 1, BLOCK + 1), (40_000, 140_000)])
def test_however_the_wave_is_cut(cuts: tuple[int, ...]) -> None:
    wave = np.random.default_rng(1).standard_normal(150_000).astype(np.float32)
    wave *= np.linspace(0.01, 0.0001, len(wave), dtype=np.float32)
    assert (floor(wave, cuts) == floor(wave)).all()


@pytest.mark.parametrize("peak", [0.01, 0.001])
def test_it_stays_far_below_what_is_quiet(peak: float) -> None:
    last = np.split(floor(speech(40 * BLOCK, peak)), 40)[-1]
    assert last.std() == pytest.approx(peak / 1_024, rel=0.1)


def test_silence_becomes_silent() -> None:
    blocks = np.split(floor(np.zeros(60 * BLOCK, np.float32)), 60)
    loudness = [block.std() for block in blocks]
    assert loudness[0] == pytest.approx(LEVEL, rel=0.1)
    assert (np.abs(blocks[16]) < 0.5 / 32_768).all()  # zeros in 16 bits, two seconds later
    assert loudness[-1] < 1e-12


def test_a_pause_keeps_it_for_a_while() -> None:
    wave = np.zeros(20 * BLOCK, np.float32)
    wave[: 4 * BLOCK] = 0.5
    loudness = [block.std() for block in np.split(floor(wave), 20)]
    assert loudness[4:8] == pytest.approx([LEVEL] * 4, rel=0.1)
    assert loudness[15] < 0.1 * LEVEL


def test_all_channels_have_it() -> None:
    codec = Codec.load()
    decoded = codec.decompress(codec.compress(np.zeros((2, 16_000), np.float32), 16_000))[0]
    assert (decoded[0] == decoded[1]).all()
    expected = floor(np.zeros(16_000, np.float32))[:8_000]
    assert np.corrcoef(decoded[0, :8_000], expected)[0, 1] > 0.9
    assert decoded.std() < 2 * LEVEL
