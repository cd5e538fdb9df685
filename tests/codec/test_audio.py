"""Recordings in and out."""

import io
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from codec.audio import (
    audio_info,
    open_audio,
    read_audio,
    resample,
    to_pcm16,
    write_audio,
    write_blocks,
)
from codec.errors import AudioError, OutputError
from codec.resampling import resample_blocks


def noise(num_samples: int, num_channels: int = 1) -> np.ndarray:
    wave = np.random.default_rng(num_samples).standard_normal((num_channels, num_samples))
    return (0.1 * wave).astype(np.float32)


@pytest.mark.parametrize("suffix", ["wav", "flac"])
@pytest.mark.parametrize("num_channels", [1, 2, 6])
def test_sixteen_bits_survive_writing_and_reading(
    tmp_path: Path, suffix: str, num_channels: int
) -> None:
    wave = to_pcm16(noise(3_000, num_channels)) / np.float32(32_768)
    path = tmp_path / f"a.{suffix}"
    write_audio(path, wave, 22_050)
    found, rate = read_audio(path)
    assert (rate, found.dtype) == (22_050, np.float32)
    np.testing.assert_array_equal(found, wave)
    info = audio_info(path)
    assert (info.sample_rate, info.channels, info.num_samples) == (22_050, num_channels, 3_000)
    assert (info.format, info.seconds) == (suffix.upper(), 3_000 / 22_050)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "MP3"])
def test_formats_that_are_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a.{kind.lower()}"
    soundfile.write(path, noise(48_000, 2).T, 48_000, format=kind)
    wave, rate = read_audio(path)
    assert (wave.shape, rate) == ((2, 48_000), 48_000)
    with path.open("rb") as file:
        np.testing.assert_array_equal(read_audio(file)[0], wave)


def test_a_pipe_is_read(tmp_path: Path) -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    file = io.BytesIO()
    write_audio(file, noise(1_000), 16_000)
    wave, _ = read_audio(Pipe(file.getvalue()))
    assert wave.shape == (1, 1_000)


def test_loud_samples_are_clipped(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.wav", np.array([2.0, -2.0, 0.5]), 16_000)
    assert read_audio(tmp_path / "a.wav")[0].tolist() == [[32_767 / 32_768, -1.0, 0.5]]


def wrong_files(folder: Path) -> dict[str, Path]:
    """Sources that can't be coded, by what the message says of them."""
    names = ("text.wav", "zero.wav", "empty.wav", "nan.wav", "infinite.wav", "loud.wav", "a.raw")
    text, zero, empty, nan, infinite, loud, raw = (folder / name for name in names)
    text.write_text("hello, this is no recording")
    zero.touch()
    soundfile.write(empty, np.zeros((0, 1)), 16_000)
    soundfile.write(nan, np.array([0.0, np.nan]), 16_000, "FLOAT")
    soundfile.write(infinite, np.array([0.0, np.inf]), 16_000, "FLOAT")
    soundfile.write(loud, np.array([0.0, -30_000.0]), 16_000, "FLOAT")
    raw.write_bytes(bytes(100))
    return {
        "not a recording": text,
        "empty file": zero,
        "0 samples": empty,
        "NaN": nan,
        "infinite": infinite,
        r"within \[-1, 1\]": loud,
        "can be read": raw,
        "is a folder": folder,
        "no such file": folder / "missing.wav",
    }


def test_files_that_are_refused(tmp_path: Path) -> None:
    for message, path in wrong_files(tmp_path).items():
        with pytest.raises(AudioError, match=message) as caught:
            read_audio(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_damaged_flac_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    write_audio(path, noise(50_000), 16_000)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(AudioError, match="damaged"):
        read_audio(path)


def test_what_can_not_be_written(tmp_path: Path) -> None:
    for name, wave in {
        "a.ogg": noise(10),
        "a": noise(10),
        "nan.wav": np.full(3, np.nan),
        "nine.flac": noise(10, 9),
    }.items():
        with pytest.raises(AudioError):
            write_audio(tmp_path / name, wave, 16_000)
    write_audio(tmp_path / "a.wav", noise(10), 16_000)
    with pytest.raises(OutputError, match="exists already"):
        write_audio(tmp_path / "a.wav", noise(20), 16_000, force=False)
    assert audio_info(tmp_path / "a.wav").num_samples == 10
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_a_full_disk_is_an_output_error() -> None:
    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match="No space left"):
        write_blocks(Full(), [noise(100_000)], 16_000, (1, 100_000), "wav")


def test_beyond_four_gigabytes_a_wav_is_rf64() -> None:
    file = io.BytesIO()
    write_blocks(file, [noise(10)], 16_000, (1, 2**31), "wav")
    assert file.getvalue()[:4] == b"RF64"


def test_blocks_are_the_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write_audio(path, noise(10_000, 2), 16_000)
    with open_audio(path) as reader:
        blocks = list(reader.blocks(777))
    assert {block.shape[1] for block in blocks[:-1]} == {777}
    np.testing.assert_array_equal(np.concatenate(blocks, axis=1), read_audio(path)[0])


@given(
    st.integers(0, 5_000),
    st.sampled_from([8_000, 11_025, 16_000, 44_100, 48_000]),
    st.sampled_from([8_000, 16_000, 22_050, 48_000]),
    st.integers(1, 2_000),
)
@settings(max_examples=60, deadline=None)
def test_blocks_do_not_show_in_a_resampled_wave(
    num_samples: int, from_rate: int, to_rate: int, size: int
) -> None:
    wave = noise(num_samples, 2)
    whole = resample(wave, from_rate, to_rate)
    expected = int(num_samples * to_rate / from_rate + 0.5)
    assert whole.shape == (2, expected)
    blocks = (wave[:, start : start + size] for start in range(0, num_samples, size))
    parts = list(resample_blocks(blocks, from_rate, to_rate, lambda _: expected))
    if num_samples:
        np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)


def test_resampling_keeps_a_tone() -> None:
    times = np.arange(48_000) / 48_000
    tone = np.sin(2 * np.pi * 440 * times)[None]
    expected = np.sin(2 * np.pi * 440 * times[::3])[None]
    found = resample(tone, 48_000, 16_000)
    assert np.abs(found - expected)[:, 500:-500].max() < 1e-3


def test_sources_are_closed(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write_audio(path, noise(100), 16_000)
    file: BinaryIO
    with path.open("rb") as file:
        audio_info(file)
        assert not file.closed
