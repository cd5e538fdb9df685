"""Several files in, one file or a zip out."""

import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from app.demo import bundles
from app.demo.examples import EXAMPLES
from app.demo.page.listening import playing
from app.demo.studio import Studio
from codec.audio import read_audio, write_audio
from codec.bitstream import Header, pack_file, read_header


def _encode(studio: Studio, paths: list[Path], kbps: float) -> list[bundles.Result]:
    return list(bundles.run_each(partial(bundles.encode_one, studio, bitrate_kbps=kbps), paths))


def test_one_file_stays_one_file_and_comes_back(studio: Studio, recording: Path) -> None:
    results = _encode(studio, [recording], studio.rates_kbps[-1])
    code = bundles.bundle(studio, results, "x.zip")
    assert code is not None
    assert code.name == "noise bursts.nsvq"
    back = bundles.decode_one(studio, code, None)
    assert back.output is not None
    wave, sample_rate = read_audio(back.output)
    expected, _ = studio.codec.decompress(code.read_bytes())
    assert sample_rate == 44_100
    assert abs(wave - expected.clip(-1, 1)).max() < 1 / 32_000


def test_trimming_equals_encoding_at_a_constant_lower_rate(studio: Studio, recording: Path) -> None:
    high = _encode(studio, [recording], studio.rates_kbps[-1])[0].output
    assert high is not None
    low = studio.codec.compress(*read_audio(recording), studio.rates_kbps[0], vbr=False)
    trimmed = bundles.trim_one(studio, high, studio.rates_kbps[0]).output
    assert trimmed is not None
    assert trimmed.read_bytes() == low
    assert read_header(trimmed.read_bytes()).num_stages == 1


def test_files_of_variable_bitrate_are_told_trimmed_and_decoded(
    studio: Studio, recording: Path
) -> None:
    (result,) = _encode(studio, [recording], studio.rates_kbps[2])
    assert result.output is not None
    data = result.output.read_bytes()
    assert data == studio.codec.compress(*read_audio(recording), studio.rates_kbps[2])
    assert f"{len(data):,} bytes, {8 * len(data) / 2.0 / 1000:.2f} kbps on average" in result.note
    facts = bundles.describe_one(studio, result.output)
    assert facts["Stages"].startswith("3 on average (")
    assert facts["On disk"].startswith(f"{len(data):,} bytes")
    trimmed = bundles.trim_one(studio, result.output, studio.rates_kbps[1])
    assert trimmed.output is not None
    size = trimmed.output.stat().st_size
    assert trimmed.note == f"{len(data):,} → {size:,} bytes"
    assert size < len(data)
    back = bundles.decode_one(studio, result.output, studio.rates_kbps[1])
    assert back.output is not None
    expected, _ = studio.codec.decompress(trimmed.output.read_bytes())
    np.testing.assert_allclose(read_audio(back.output)[0], expected.clip(-1, 1), atol=1 / 32_000)


def test_a_bad_file_does_not_stop_the_others(
    studio: Studio, recording: Path, tmp_path: Path
) -> None:
    letter = tmp_path / "letter.wav"
    letter.write_text("dear all")
    twin = tmp_path / recording.name
    twin.write_bytes(recording.read_bytes())
    results = _encode(studio, [recording, letter, twin], studio.rates_kbps[0])
    assert [result.output is None for result in results] == [False, True, False]
    assert "letter.wav" in results[1].note
    archive = bundles.bundle(studio, results, "nsvq.zip")
    assert archive is not None
    with zipfile.ZipFile(archive) as held:
        assert held.namelist() == ["noise bursts.nsvq", "noise bursts (2).nsvq"]


def test_a_recording_cut_short_is_coded_and_told(studio: Studio, tmp_path: Path) -> None:
    path = tmp_path / "cut.wav"
    write_audio(path, np.zeros((1, 8_000), np.float32), 16_000)
    path.write_bytes(path.read_bytes()[:8_000])
    (result,) = _encode(studio, [path], studio.rates_kbps[0])
    assert result.output is not None
    assert "; cut.wav: cut short? its header promises" in result.note
    told = playing(studio.open_clip(path))
    assert told.startswith("Playing cut.wav: 0.25 s, 16,000 Hz. cut.wav: cut short?")
    assert str(tmp_path) not in result.note + told


def test_nothing_gives_nothing_and_too_many_are_left_out(studio: Studio, tmp_path: Path) -> None:
    assert bundles.bundle(studio, [], "x.zip") is None
    paths = [tmp_path / f"{n}.nsvq" for n in range(bundles.MAX_FILES + 2)]
    for path in paths:
        path.write_bytes(b"NSVQ")
    work = partial(bundles.trim_one, studio, bitrate_kbps=1.0)
    results = list(bundles.run_each(work, paths))
    assert len(results) == len(paths)
    assert "left out" in results[-1].note


def test_describe(studio: Studio, tmp_path: Path) -> None:
    code = _encode(studio, [EXAMPLES[0].path], studio.rates_kbps[-1])[0].output
    assert code is not None
    facts = bundles.describe_one(studio, code)
    assert facts["Length"] == "5.88 s"
    assert "(this one)" in facts["Made by"]
    with pytest.raises(bundles.CodecError):
        bundles.describe_one(studio, EXAMPLES[0].path)


def test_trimming_another_models_file_goes_by_its_own_rates(studio: Studio, tmp_path: Path) -> None:
    """Two kbps are two of its stages, whatever a stage of the model at hand costs."""
    header = Header(bytes(8), 16_000, 1, 3_200, 6, 10, 16_000, 160)
    path = tmp_path / "other.nsvq"
    path.write_bytes(pack_file(header, np.zeros((1, 6, header.num_frames), np.int64)))
    assert studio.codec.config.bitrate_kbps(1) != header.bitrate_kbps(1)
    trimmed = bundles.trim_one(studio, path, 2.0).output
    assert trimmed is not None
    assert read_header(trimmed.read_bytes()).num_stages == 2
    assert "below the lowest" in bundles.trim_one(studio, path, 0.5).note
