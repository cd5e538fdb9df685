"""The Codec: shapes, kinds, lengths, rates, errors."""

import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from codec import AudioError, BitstreamError, Codec, ConfigError, ModelMismatchError
from codec.bitstream import pack_file, read_header, trim_file, unpack_file


def noise(num_samples: int, num_channels: int = 1) -> np.ndarray:
    wave = np.random.default_rng(num_samples).standard_normal((num_channels, num_samples))
    return (0.1 * wave).astype(np.float32)


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 44_100, 48_000])
def test_what_comes_back_is_as_long_as_what_went_in(toy: Codec, rate: int) -> None:
    for num_samples in [*range(8), 319, 320, 321, 959, 960, 961, 2 * rate + 7]:
        wave, found_rate = toy.decompress(toy.compress(noise(num_samples), rate))
        assert (wave.shape, wave.dtype, found_rate) == ((1, num_samples), np.float32, rate)


@pytest.mark.parametrize("num_channels", [1, 2, 5])
def test_channels_are_coded_one_by_one(toy: Codec, num_channels: int) -> None:
    wave = noise(5_000, num_channels)
    codes = toy.encode(wave, 16_000)
    assert codes.shape == (num_channels, 4, toy.config.num_frames(5_000))
    assert codes.dtype == np.int64
    for channel in range(num_channels):
        np.testing.assert_array_equal(codes[channel], toy.encode(wave[channel], 16_000)[0])
    assert toy.decompress(toy.compress(wave, 16_000))[0].shape == wave.shape


def test_all_ways_to_the_same_wave(toy: Codec) -> None:
    wave = noise(50_001, 2)
    codes = toy.encode(wave, 16_000, num_stages=3)
    data = toy.compress(wave, 16_000, num_stages=3, vbr=False)
    header, found = unpack_file(data)
    np.testing.assert_array_equal(found, codes)
    decoded = toy.decode(codes, num_samples=50_001)
    np.testing.assert_array_equal(toy.decompress(data)[0], decoded)
    assert header.model_id == toy.model_id
    assert header.frames_per_chunk == 50


def test_trimming_is_encoding_at_that_rate(toy: Codec) -> None:
    wave = noise(70_000)
    data = toy.compress(wave, 22_050)
    for stages in range(1, 5):
        less = toy.compress(wave, 22_050, num_stages=stages, vbr=False)
        assert trim_file(data, stages) == less
        expected = toy.decompress(less)[0]
        np.testing.assert_array_equal(toy.decompress(data, num_stages=stages)[0], expected)


def test_numpy_in_numpy_out_torch_in_torch_out(toy: Codec) -> None:
    wave = noise(2_000)
    codes = toy.encode(torch.from_numpy(wave).to(torch.bfloat16), 16_000)
    assert isinstance(codes, torch.Tensor)
    assert isinstance(toy.decode(codes), torch.Tensor)
    codes = toy.encode(torch.from_numpy(wave), 16_000)
    np.testing.assert_array_equal(codes.numpy(), toy.encode(wave.astype(np.float64), 16_000))
    frozen = wave[:, ::-1]
    frozen.flags.writeable = False
    assert isinstance(toy.decode(toy.encode(frozen, 16_000)), np.ndarray)


def test_bitrates(toy: Codec) -> None:
    assert toy.bitrates_kbps == (0.3, 0.6, 0.9, 1.2)
    wave = noise(1_000)
    assert toy.encode(wave, 16_000, bitrate_kbps=0.7).shape[1] == 2
    assert toy.encode(wave, 16_000, bitrate_kbps=100).shape[1] == 4
    for wrong in (
        {"bitrate_kbps": 0.1},
        {"num_stages": 0},
        {"num_stages": 5},
        {"num_stages": 1, "bitrate_kbps": 1.0},
        {"bitrate_kbps": float("nan")},
    ):
        with pytest.raises(ConfigError):
            toy.compress(wave, 16_000, **wrong)
    data = toy.compress(wave, 16_000, num_stages=2)
    for wrong in ({"bitrate_kbps": 0.1}, {"num_stages": 3}):
        with pytest.raises(ConfigError):
            toy.decompress(data, **wrong)


@pytest.mark.parametrize(
    "wave",
    [
        np.full((1, 100), np.nan),
        np.full(100, np.inf),
        np.full(100, 32_768.0),
        np.zeros(100, np.int16),
        np.zeros((1, 1, 100)),
        np.zeros((0, 100)),
        np.zeros((256, 10)),
        np.zeros(100, complex),
    ],
)
def test_waves_that_can_not_be_coded(toy: Codec, wave: np.ndarray) -> None:
    with pytest.raises(AudioError):
        toy.compress(wave, 16_000)


@pytest.mark.parametrize("rate", [0, -1, 999, 768_001])
def test_rates_that_can_not_be_coded(toy: Codec, rate: int) -> None:
    with pytest.raises(AudioError, match="Hz"):
        toy.compress(np.zeros(100), rate)


@pytest.mark.parametrize(
    "codes",
    [
        np.zeros((1, 5, 2), int),
        np.zeros((1, 4, 2)),
        np.full((1, 1, 2), 64),
        np.full((1, 1, 2), -1),
        np.zeros((4, 2), int),
        np.zeros((1, 0, 2), int),
    ],
)
def test_codes_that_can_not_be_decoded(toy: Codec, codes: np.ndarray) -> None:
    with pytest.raises(BitstreamError):
        toy.decode(codes)


def test_a_file_of_another_model(toy: Codec) -> None:
    header, codes = unpack_file(toy.compress(noise(1_000), 16_000))
    other = pack_file(replace(header, model_id=b"\1" * 8), codes)
    with pytest.raises(ModelMismatchError, match=f"{'01' * 8}.*{toy.model_id.hex()}"):
        toy.decompress(other)
    liar = replace(header, code_bits=7)
    with pytest.raises(ModelMismatchError, match="header says"):
        toy.decompress(pack_file(liar, codes))


def test_a_device_or_backend_that_is_not_there(toy_path: Path) -> None:
    with pytest.raises(ConfigError, match="device 'nowhere'"):
        Codec.load(toy_path, device="nowhere")
    with pytest.raises(ConfigError, match="numpy, torch"):
        Codec.load(toy_path, backend="abacus")
    with pytest.raises(ConfigError, match="numpy backend runs on cpu"):
        Codec.load(toy_path, device="cuda", backend="numpy")


def test_mutations_of_a_file_into_the_decoder(toy: Codec) -> None:
    source = random.Random(0)
    data = toy.compress(noise(30_000), 16_000)
    expected = toy.decompress(data)[0]
    decoded = 0
    for _ in range(2_000):
        changed = bytearray(data)
        for _ in range(source.randint(1, 2)):
            changed[source.randrange(len(data))] ^= 1 << source.randrange(8)
        try:
            wave, _ = toy.decompress(bytes(changed))
        except BitstreamError:
            continue
        np.testing.assert_array_equal(wave, expected)
        decoded += 1
    assert decoded < 5


def test_a_claim_of_hours_is_refused_before_the_network_runs(toy: Codec) -> None:
    data = toy.compress(noise(30_000), 16_000)
    header = replace(read_header(data), num_samples=2**40)
    longer = pack_file(replace(header, num_samples=0), np.zeros((1, 4, 0), int))
    with pytest.raises(BitstreamError):
        toy.decompress(longer + data[40:])


def test_importing_codec_does_not_import_torch() -> None:
    script = (
        "import sys, codec, codec.bitstream, codec.catalog, codec.audio, codec.output\n"
        "assert 'torch' not in sys.modules\n"
        "assert 'Codec' in dir(codec) and codec.CodecError\n"
        "from codec import Codec\n"
        "assert Codec.__module__ == 'codec.codec'"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)


def test_names_that_codec_does_not_have() -> None:
    import codec

    with pytest.raises(AttributeError, match="nothing"):
        codec.nothing  # noqa: B018
    assert all(hasattr(codec, name) for name in codec.__all__)


def test_more_effort_codes_nearer_at_the_same_rate(toy: Codec) -> None:
    rng = np.random.default_rng(5)
    wave = (0.1 * rng.standard_normal(16_000)).astype(np.float32)
    stream = toy.backend.analysis()
    latent = np.concatenate([*stream.push(wave), *stream.finish()])

    def distance(effort: int) -> float:
        codes = Codec(toy.backend, toy.model_id, effort=effort).encode(wave, 16_000)
        return float(np.linalg.norm(toy.backend.dequantize(codes[0]) - latent))

    assert distance(8) < distance(1)


@pytest.mark.parametrize("effort", [0, 65, 2.0, float("nan"), "2", None])
def test_an_effort_that_is_none_is_refused(toy: Codec, effort: object) -> None:
    with pytest.raises(ConfigError, match=r"effort .* a whole number from 1 to 64"):
        Codec(toy.backend, toy.model_id, effort=effort)  # type: ignore[arg-type]
