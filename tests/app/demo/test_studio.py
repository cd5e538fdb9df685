"""Clips, takes and scores, without a page."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from app.demo.examples import EXAMPLES
from app.demo.studio import Clip, Studio, finish, plain_message
from codec.audio import audio_info, read_audio, write_audio
from codec.errors import AudioError, CodecError, CorruptError, EvaluationError
from codec.temporary import TemporaryFolder


def test_a_take_is_what_files_are_at_its_rate(studio: Studio, clip: Clip) -> None:
    """Of variable bitrate, but at the highest."""
    wave, sample_rate = read_audio(clip.original)
    for kbps in (studio.rates_kbps[1], studio.rates_kbps[-1]):
        take = studio.decode_clip(clip, kbps)
        assert take.data == studio.codec.compress(wave, sample_rate, bitrate_kbps=kbps)
        assert take.variable == (kbps < studio.rates_kbps[-1])
        assert studio.file_bytes(clip, take.num_stages) == len(take.data)
        expected, _ = studio.codec.decompress(take.data)
        np.testing.assert_allclose(read_audio(take.path)[0], expected.clip(-1, 1), atol=1 / 32_000)


def test_original_and_decoded_are_equally_long_and_at_the_source_rate(
    studio: Studio, recording: Path
) -> None:
    clip = studio.open_clip(recording)
    take = studio.decode_clip(clip, studio.rates_kbps[-1])
    original, decoded = audio_info(clip.original), audio_info(take.path)
    assert (original.sample_rate, original.channels, original.num_samples) == (44_100, 2, 88_200)
    assert (decoded.sample_rate, decoded.channels, decoded.num_samples) == (44_100, 2, 88_200)
    np.testing.assert_array_equal(read_audio(clip.original)[0], read_audio(recording)[0])


def test_steps_report_a_growing_share(studio: Studio, tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    write_audio(path, np.zeros((1, 29 * 16_000), np.float32), 16_000)
    clip = studio.open_clip(path)
    for steps in (studio.opening(path), studio.decoding(clip, studio.rates_kbps[1])):
        shares = list(steps)
        assert len(shares) > 5
        assert shares == sorted(shares)
        assert all(0.0 <= share <= 1.0 for share in shares)


@pytest.mark.parametrize("name", ["speech.wav", "speech.mp3"])
def test_text_is_refused_in_plain_words(studio: Studio, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("this is a letter")
    with pytest.raises(AudioError) as caught:
        studio.open_clip(path)
    message = plain_message(caught.value)
    assert name in message
    assert str(tmp_path) not in message


def test_too_long_empty_and_silent(studio: Studio, tmp_path: Path) -> None:
    path = tmp_path / "long.flac"
    write_audio(path, np.zeros((1, 31 * 8_000), np.float32), 8_000)
    with pytest.raises(AudioError, match=r"takes up to 0\.5"):
        studio.open_clip(path)
    with pytest.raises(AudioError, match="no sound"):
        studio.limits.check(16_000, 1, 0)
    write_audio(path, np.zeros((1, 16_000), np.float32), 16_000)
    clip = studio.open_clip(path)
    with pytest.raises(EvaluationError, match="silent"):
        studio.score_clip(clip, 1)


LONG = ("anullsrc=r=48000:cl=stereo", 120, r"long\.mka: lasts more than 0\.5 minutes")
WIDE = ("anullsrc=r=192000:cl=7.1", 20, r"long\.mka: all its channels take more than 14\.4 MB")


@pytest.mark.usefixtures("with_ffmpeg")
@pytest.mark.parametrize(("silence", "seconds", "why"), [LONG, WIDE], ids=["long", "wide"])
def test_what_ffmpeg_writes_of_an_upload_is_bounded(
    silence: str, seconds: int, why: str, studio: Studio, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Some kilobytes that were 46 and 123 MB on the disk before any limit was looked at."""
    path, sizes = tmp_path / "long.mka", []
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", silence, "-t", str(seconds)]
    subprocess.run([*command, "-c:a", "flac", path], check=True)
    close = TemporaryFolder.close

    def noting(folder: TemporaryFolder) -> None:
        sizes.extend(file.stat().st_size for file in folder.path.glob("sound.wav"))
        close(folder)

    monkeypatch.setattr(TemporaryFolder, "close", noting)
    with pytest.raises(AudioError, match=why):
        studio.open_clip(path)
    (size,) = sizes
    assert 10_000_000 < size < 15_000_000


@pytest.mark.usefixtures("with_ffmpeg")
def test_an_upload_that_just_keeps_to_the_limits_goes_through_ffmpeg(
    studio: Studio, tmp_path: Path
) -> None:
    path = tmp_path / "long.mka"
    silence = ["-f", "lavfi", "-i", "anullsrc=r=48000:cl=stereo", "-t", "30"]
    subprocess.run(["ffmpeg", "-v", "error", *silence, "-c:a", "flac", path], check=True)
    assert studio.open_clip(path).num_samples == 30 * 48_000


def test_scores_are_those_of_the_harness_and_remembered(studio: Studio, clip: Clip) -> None:
    from training.evaluation.metrics.registry import score

    reference, _ = read_audio(clip.original)
    for kbps in (studio.rates_kbps[1], studio.rates_kbps[-1]):
        take = studio.decode_clip(clip, kbps)
        found = studio.score_clip(clip, take.num_stages)
        decoded, _ = studio.codec.decompress(take.data)
        assert found == pytest.approx(score(reference[0], decoded[0], 16_000), abs=1e-6)
        assert studio.score_clip(clip, take.num_stages) is found


def test_a_crashing_metric_does_not_take_the_demo_along(studio: Studio, clip: Clip) -> None:
    studio.scorers._running().submit(os._exit, 9).exception()  # until the crash is noticed
    with pytest.raises(EvaluationError, match="crashed"):
        studio.score_clip(clip, 2)
    assert studio.score_clip(clip, 1)["stoi"] <= 1.0


def test_examples_are_read_once(studio: Studio) -> None:
    first = finish(studio.opening_example(EXAMPLES[0].path))
    assert finish(studio.opening_example(EXAMPLES[0].path)) is first
    first.original.unlink()  # as the sweeper does
    again = finish(studio.opening_example(EXAMPLES[0].path))
    assert again is not first
    assert again.original.exists()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.file)
def test_examples_are_there_and_credited(example: object) -> None:
    assert 2.0 < audio_info(example.path).seconds < 15.0  # type: ignore[attr-defined]
    assert "CC" in example.credit  # type: ignore[attr-defined]


def test_damaged_code_is_refused(studio: Studio, clip: Clip, tmp_path: Path) -> None:
    path = tmp_path / "bad.nsvq"
    for kbps in studio.rates_kbps[-2:]:
        damaged = bytearray(studio.decode_clip(clip, kbps).data)
        damaged[-1] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(CorruptError):
            studio.check_code(path)


def test_a_claim_of_years_of_audio_is_refused(studio: Studio, clip: Clip, tmp_path: Path) -> None:
    path = tmp_path / "years.nsvq"
    path.write_bytes(studio.decode_clip(clip, studio.rates_kbps[1]).data[:40])
    with pytest.raises(CodecError):
        studio.check_code(path)


def test_stages_for_the_curve_span_all(studio: Studio) -> None:
    stages = studio.sampled_stages()
    assert stages[0] == 1
    assert stages[-1] == studio.codec.config.num_stages
    assert stages == sorted(set(stages))


def test_unforeseen_errors_give_nothing_away() -> None:
    assert "secret" not in plain_message(ValueError("/home/secret"))
