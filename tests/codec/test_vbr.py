"""Variable bitrate: stages go to the frames that need them."""

from io import BytesIO

import numpy as np
import pytest

from codec import Codec
from codec.bitstream import FileReader, trim_file, unpack_file
from codec.bitstream.stage_counts import GROUP
from codec.errors import ConfigError
from codec.vbr import VbrEncoder


def bursts(num_samples: int, num_channels: int = 1) -> np.ndarray:
    """Noise, loud for a quarter of a second and then soft. Shape: -> [C, T]."""
    rng = np.random.default_rng(3)
    loud = np.arange(num_samples) // 4_000 % 2
    wave = rng.standard_normal((num_channels, num_samples)) * np.where(loud, 0.3, 0.003)
    return np.clip(wave, -1.0, 1.0).astype(np.float32)


def errors_of(codec: Codec, wave: np.ndarray, codes: np.ndarray) -> float:
    """Mean squared error of the latent."""
    full = codec.backend.analysis()
    latent = np.concatenate([*full.push(wave), *full.finish()])
    return float(np.square(latent - codec.backend.dequantize(codes)).mean())


@pytest.mark.parametrize("channels", [1, 2, 20])
@pytest.mark.parametrize("stages", [2, 3])
def test_a_file_is_no_longer_than_one_of_constant_bitrate(
    toy: Codec, stages: int, channels: int
) -> None:
    for length in (1, 700, 16_000, 100_000 // channels):
        wave = bursts(length, channels)
        constant = toy.compress(wave, 16_000, num_stages=stages, vbr=False)
        assert len(toy.compress(wave, 16_000, num_stages=stages)) <= len(constant)


def test_where_nothing_can_vary_files_are_of_constant_bitrate(toy: Codec) -> None:
    for stages, channels in ((1, 1), (4, 1), (2, 255)):
        data = toy.compress(bursts(3_000, channels), 16_000, num_stages=stages)
        assert data == toy.compress(bursts(3_000, channels), 16_000, num_stages=stages, vbr=False)


def test_it_leaves_less_error_with_as_many_codes(toy: Codec) -> None:
    wave = bursts(60_000)
    constant = toy.codes(toy.compress(wave, 16_000, num_stages=2, vbr=False))[0]
    variable = toy.codes(toy.compress(wave, 16_000, num_stages=2))[0]
    assert (variable >= 0).sum() <= (constant >= 0).sum()
    counts = (variable >= 0).sum(0)
    assert counts.min() < 2 < counts.max()
    assert errors_of(toy, wave[0], variable) < 0.9 * errors_of(toy, wave[0], constant)


def test_decoding_goes_through_codes_with_gaps(toy: Codec) -> None:
    wave = bursts(50_000, 2)
    data = toy.compress(wave, 16_000, num_stages=2)
    decoded, rate = toy.decompress(data)
    assert decoded.shape == wave.shape
    assert rate == 16_000
    np.testing.assert_array_equal(toy.decode(toy.codes(data), 50_000), decoded)


def test_trimming_takes_the_last_stages_of_each_frame(toy: Codec) -> None:
    data = toy.compress(bursts(90_000, 2), 22_050, num_stages=3)
    header, codes = unpack_file(data)
    for stages in (1, 2, 3):
        trimmed = trim_file(data, stages)
        less, fewer = unpack_file(trimmed)
        assert less.num_stages == stages
        assert len(trimmed) == less.file_bytes
        most = (codes >= 0).sum() * stages // header.num_stages
        few = 2 * GROUP * header.num_chunks  # what each chunk may be short of
        assert max(most, codes[:, 0].size) - few <= (fewer >= 0).sum()
        assert (fewer >= 0).sum() <= max(most, codes[:, 0].size)
        kept = fewer >= 0
        np.testing.assert_array_equal(codes[:, : fewer.shape[1]][kept], fewer[kept])
        expected = toy.decompress(trimmed)[0]
        np.testing.assert_array_equal(toy.decompress(data, num_stages=stages)[0], expected)
    assert trim_file(data, 3) == data


def test_however_it_is_cut_up_the_codes_are_the_same(toy: Codec) -> None:
    wave = bursts(320 * (128 - 1))  # two segments exactly
    header = toy.header(16_000, 1, 2, vbr=True)
    rng = np.random.default_rng(5)
    found = []
    for cuts in ([], [1, 2, 3], sorted(rng.integers(0, 40_000, 20))):
        encoder = VbrEncoder(toy.backend, 16_000, 1, 2, frames_per_chunk=header.frames_per_chunk)
        encoder._segment = 4 * GROUP * 8  # several segments in so short a wave
        codes = [encoder.push(part) for part in np.split(wave, cuts, axis=1)]
        found.append(np.concatenate([*codes, encoder.finish()], axis=2))
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])
    assert found[0].shape[2] == 128


def test_effort_leaves_less_error(toy: Codec) -> None:
    wave = bursts(40_000)
    harder = Codec(toy.backend, toy.model_id, effort=8)
    plain, better = (
        one.codes(one.compress(wave, 16_000, num_stages=2))[0] for one in (toy, harder)
    )
    np.testing.assert_array_equal((plain >= 0).sum(0), (better >= 0).sum(0))
    assert errors_of(toy, wave[0], better) < errors_of(toy, wave[0], plain)


@pytest.mark.parametrize("num_samples", [0, 1, 319, 320, 321])
def test_short_waves(toy: Codec, num_samples: int) -> None:
    wave = bursts(num_samples)
    data = toy.compress(wave, 16_000, num_stages=2)
    assert toy.decompress(data)[0].shape == (1, num_samples)
    assert FileReader(BytesIO(data), len(data)).header.file_bytes == len(data)


def test_a_silent_tail_gets_few_stages(toy: Codec) -> None:
    """It is shared out together with the segment before it."""
    loud = np.random.default_rng(2).normal(0.0, 0.2, (1, 320 * 63))
    wave = np.concatenate([loud, np.zeros((1, 320 * 16))], axis=1).astype(np.float32)
    encoder = VbrEncoder(toy.backend, 16_000, 1, 2, frames_per_chunk=8)
    encoder._segment = 64
    codes = np.concatenate([encoder.push(wave), encoder.finish()], axis=2)[0]
    counts = (codes >= 0).sum(0)
    assert counts[-12:].max() == 1
    assert counts[:60].mean() > 1.6


def test_chunks_that_would_cut_a_group_are_refused(toy: Codec) -> None:
    with pytest.raises(ConfigError, match="multiple of 2"):
        VbrEncoder(toy.backend, 16_000, 1, 2, frames_per_chunk=5)


def test_another_number_of_stages_takes_effect_once_held_frames_are_shared_out(toy: Codec) -> None:
    encoder = VbrEncoder(toy.backend, 16_000, 1, 2, frames_per_chunk=8)
    codes = [encoder.push(bursts(9_000))]
    encoder.num_stages = 3
    codes += [encoder.push(bursts(9_000)), encoder.finish()]
    counts = (np.concatenate(codes, axis=2)[0] >= 0).sum(0)
    assert len(counts) == 58
    assert 2.5 < counts.mean() <= 3.0
