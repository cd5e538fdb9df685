"""Arguments that look right and are not: a named error that says what was meant."""

import numpy as np
import pytest

from codec import AudioError, BitstreamError, Codec, ConfigError
from codec.bitstream import read_header

WAVE = np.zeros((1, 4_000), np.float32)


@pytest.mark.parametrize("rate", [float("nan"), float("inf"), 16_000.5, "fast", None, 0, -16_000])
def test_sample_rates_that_are_none(toy: Codec, rate: object) -> None:
    for call in (toy.compress, toy.encode):
        with pytest.raises(AudioError, match="Hz"):
            call(WAVE, rate)  # type: ignore[arg-type]


def test_whole_sample_rates_of_any_type(toy: Codec) -> None:
    data = toy.compress(WAVE, 16_000)
    for rate in (16_000.0, np.int64(16_000), np.float32(16_000)):
        assert toy.compress(WAVE, rate) == data  # type: ignore[arg-type]


@pytest.mark.parametrize("stages", [2.0, float("nan"), "2", 0, 5])
def test_numbers_of_stages_that_are_none(toy: Codec, stages: object) -> None:
    data = toy.compress(WAVE, 16_000)
    with pytest.raises(ConfigError, match="stages asked for"):
        toy.compress(WAVE, 16_000, num_stages=stages)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="stages asked for"):
        toy.decompress(data, num_stages=stages)  # type: ignore[arg-type]


def test_a_bitrate_near_infinity_is_the_highest(toy: Codec) -> None:
    data = toy.compress(WAVE, 16_000, bitrate_kbps=1e308)
    assert data == toy.compress(WAVE, 16_000)
    assert read_header(data).held_stages(bitrate_kbps=1e308) == 4
    for rate in (float("inf"), float("-inf"), float("nan")):
        with pytest.raises(ConfigError, match=r"is not a finite number; 0\.3 to 1\.2 kbps"):
            toy.compress(WAVE, 16_000, bitrate_kbps=rate)
    with pytest.raises(ConfigError, match="below the lowest"):
        toy.compress(WAVE, 16_000, bitrate_kbps=-1e308)


def test_no_channels(toy: Codec) -> None:
    with pytest.raises(BitstreamError, match="C from 1"):
        toy.decode(np.zeros((0, 1, 5), np.int64))
    with pytest.raises(AudioError, match="0 channels"):
        toy.compress(np.zeros((0, 100), np.float32), 16_000)


def test_samples_first_is_asked_about(toy: Codec) -> None:
    with pytest.raises(AudioError, match="did you mean to transpose"):
        toy.compress(np.zeros((4_000, 2), np.float32), 16_000)
    assert toy.compress(np.zeros((255, 2), np.float32), 16_000)


def test_codes_that_come_after_none(toy: Codec) -> None:
    codes = np.array([[[1, 1], [2, 2], [3, 3]]])
    codes[0, 1:, 1] = -1
    assert toy.decode(codes).shape == (1, 320)
    codes[0, 2, 1] = 3
    with pytest.raises(BitstreamError, match="a code after a stage that has none"):
        toy.decode(codes)
    codes[0, :, 1] = -1
    with pytest.raises(BitstreamError, match="expected 0 to 63, or -1 for none in stages after"):
        toy.decode(codes)
