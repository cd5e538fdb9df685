"""From file to file."""

import io
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

from codec import (
    AudioError,
    BitstreamError,
    Codec,
    ConfigError,
    CorruptError,
    OutputError,
)
from codec.audio import read_audio, write_audio
from codec.files import CodedFile, check_file, compress_file, decompress_file, trim_path


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "a.wav"
    wave = 0.1 * np.random.default_rng(0).standard_normal((2, 100_003))
    write_audio(path, wave, 44_100)
    return path


def test_files_hold_what_the_codec_gives(toy: Codec, recording: Path) -> None:
    coded, decoded = recording.with_suffix(".nsvq"), recording.with_suffix(".flac")
    wave, rate = read_audio(recording)
    result = compress_file(toy, recording, coded, num_stages=3)
    assert coded.read_bytes() == toy.compress(wave, rate, num_stages=3)
    assert result == check_file(coded) == CodedFile(result.header, coded.stat().st_size)
    assert decompress_file(toy, coded, decoded) == result
    assert soundfile.info(decoded).frames == 100_003
    expected, _ = toy.decompress(coded.read_bytes())
    np.testing.assert_allclose(read_audio(decoded)[0], expected, atol=2**-15)


def test_trimming_and_decoding_less(toy: Codec, recording: Path) -> None:
    folder = recording.parent
    compress_file(toy, recording, folder / "4.nsvq")
    compress_file(toy, recording, folder / "2.nsvq", bitrate_kbps=0.6, vbr=False)
    result = trim_path(folder / "4.nsvq", folder / "t.nsvq", bitrate_kbps=0.7)
    assert (folder / "t.nsvq").read_bytes() == (folder / "2.nsvq").read_bytes()
    assert result.num_bytes == (folder / "t.nsvq").stat().st_size
    decompress_file(toy, folder / "4.nsvq", folder / "4.wav", num_stages=2)
    decompress_file(toy, folder / "2.nsvq", folder / "2.wav")
    assert (folder / "4.wav").read_bytes() == (folder / "2.wav").read_bytes()
    with pytest.raises(ConfigError):
        trim_path(folder / "2.nsvq", folder / "x.nsvq", num_stages=3)


def test_streams(toy: Codec, recording: Path) -> None:
    coded, decoded = io.BytesIO(), io.BytesIO()
    compress_file(toy, io.BytesIO(recording.read_bytes()), coded)
    decompress_file(toy, io.BytesIO(coded.getvalue()), decoded)
    assert read_audio(io.BytesIO(decoded.getvalue()))[0].shape == (2, 100_003)


def test_progress(toy: Codec, recording: Path) -> None:
    told: list[tuple[float, float]] = []

    def progress(done_s: float, total_s: float) -> None:
        told.append((done_s, total_s))

    coded = recording.with_suffix(".nsvq")
    compress_file(toy, recording, coded, progress=progress)
    decompress_file(toy, coded, recording.with_suffix(".flac"), progress=progress)
    total = 100_003 / 44_100
    assert told.count((total, total)) == 2
    assert all(0 < done <= whole == total for done, whole in told)


def test_an_empty_coded_recording_becomes_an_empty_wav(toy: Codec, tmp_path: Path) -> None:
    coded = tmp_path / "a.nsvq"
    coded.write_bytes(toy.compress(np.zeros(0, np.float32), 8_000))
    result = decompress_file(toy, coded, tmp_path / "a.wav")
    assert result.bitrate_kbps == 0.0
    assert soundfile.info(tmp_path / "a.wav").frames == 0


def test_errors_leave_nothing_behind(toy: Codec, recording: Path) -> None:
    folder = recording.parent
    coded, damaged, target = (folder / name for name in ("a.nsvq", "damaged.nsvq", "new.wav"))
    compress_file(toy, recording, coded)
    data = bytearray(coded.read_bytes())
    data[-1] ^= 1
    damaged.write_bytes(data)
    nan = folder / "nan.wav"
    soundfile.write(nan, np.append(np.zeros(200_000), np.nan), 16_000, "FLOAT")
    before = sorted(folder.iterdir())
    for source, error, message in [
        (damaged, CorruptError, "checksum of chunk"),
        (recording, CorruptError, "not a .nsvq file"),
        (folder, BitstreamError, "can't be read"),
        (folder / "missing.nsvq", BitstreamError, "no such file"),
    ]:
        with pytest.raises(error, match=message) as caught:
            decompress_file(toy, source, target)
        assert str(source) in str(caught.value)
    with pytest.raises(AudioError, match="NaN"):
        compress_file(toy, nan, folder / "new.nsvq")
    with pytest.raises(OutputError, match="is the input"):
        compress_file(toy, recording, recording, force=True)
    with pytest.raises(OutputError, match="exists already"):
        compress_file(toy, recording, coded)
    with pytest.raises(AudioError, match=r"\.mp3"):
        decompress_file(toy, coded, folder / "a.mp3")
    assert sorted(folder.iterdir()) == before


def test_long_files_need_no_more_memory_than_short_ones(toy: Codec, tmp_path: Path) -> None:
    peaks = []
    for seconds in (40, 100):
        path = tmp_path / f"{seconds}.wav"
        write_audio(path, np.zeros((1, seconds * 8_000), np.float32), 8_000)
        tracemalloc.start()
        compress_file(toy, path, path.with_suffix(".nsvq"))
        decompress_file(toy, path.with_suffix(".nsvq"), tmp_path / f"{seconds}-out.wav")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]
