"""Recordings to .nsvq files and back: files, folders, standard streams."""

import json
import os
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

from app import spectrogram
from codec import Codec
from tests.app.conftest import Nsvq


def length_of(path: Path) -> tuple[int, int, int]:
    info = soundfile.info(path)
    return info.frames, info.samplerate, info.channels


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
def test_every_kind_of_recording_comes_in(
    suffix: str, nsvq: Nsvq, clip: Path, toy_checkpoint: Path, tmp_path: Path
) -> None:
    wave, rate = soundfile.read(clip)
    source = tmp_path / f"speech{suffix}"
    soundfile.write(source, wave, rate)
    assert nsvq("encode", source, "--checkpoint", toy_checkpoint).exit_code == 0
    target = tmp_path / "back.flac"
    coded = tmp_path / "speech.nsvq"
    result = nsvq("decode", coded, "-o", target, "--checkpoint", toy_checkpoint)
    assert result.exit_code == 0, result.stderr
    assert length_of(target) == length_of(source)
    assert soundfile.info(target).format == "FLAC"


@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (44_100, 2), (48_000, 3)])
def test_rates_and_channels_come_out_again(
    rate: int, channels: int, nsvq: Nsvq, toy_checkpoint: Path, tmp_path: Path
) -> None:
    wave = 0.1 * np.random.default_rng(0).standard_normal((rate // 3 + 1, channels))
    source, coded, back = (tmp_path / name for name in ("in.wav", "in.nsvq", "back.wav"))
    soundfile.write(source, wave, rate)
    nsvq("encode", source, "--checkpoint", toy_checkpoint)
    result = nsvq("decode", coded, "-o", back, "--checkpoint", toy_checkpoint)
    assert result.exit_code == 0, result.stderr
    assert length_of(back) == (rate // 3 + 1, rate, channels)


def test_folders_are_mirrored(
    nsvq: Nsvq, clips: list[Path], toy_checkpoint: Path, tmp_path: Path
) -> None:
    source = tmp_path / "in"
    for folder, clip in zip((".", "a", "a/b"), clips, strict=False):
        (source / folder).mkdir(exist_ok=True, parents=True)
        (source / folder / clip.name).write_bytes(clip.read_bytes())
    (source / "notes.txt").write_text("not audio")
    (source / ".hidden.wav").write_text("not audio")
    options = ("--checkpoint", toy_checkpoint)
    result = nsvq("encode", source, "-o", tmp_path / "coded", "--bitrate", 0.6, *options)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("3 of 3 files written; ")
    result = nsvq("decode", tmp_path / "coded", "-o", tmp_path / "out", *options)
    assert result.exit_code == 0, result.stderr
    made = sorted(path.relative_to(tmp_path / "out") for path in (tmp_path / "out").rglob("*.*"))
    kept = sorted(path.relative_to(source) for path in source.rglob("*.flac"))
    assert made == [path.with_suffix(".wav") for path in kept]
    assert all(
        length_of(tmp_path / "out" / wav) == length_of(source / flac)
        for wav, flac in zip(made, kept, strict=True)
    )


def test_standard_streams_give_the_same_bytes(
    nsvq: Nsvq, clip: Path, coded: Path, toy_checkpoint: Path
) -> None:
    options = ("--checkpoint", toy_checkpoint)
    encoded = nsvq("encode", "-", *options, stdin=clip.read_bytes())
    assert (encoded.exit_code, encoded.stderr) == (0, "")
    assert encoded.stdout_bytes == coded.read_bytes()
    decoded = nsvq("decode", "-", *options, stdin=encoded.stdout_bytes)
    assert decoded.exit_code == 0
    nsvq("decode", coded, *options)
    assert decoded.stdout_bytes == coded.with_suffix(".wav").read_bytes()
    assert nsvq("decode", coded, "-o", "-", *options).stdout_bytes == decoded.stdout_bytes


def test_trimming_equals_encoding_at_that_rate(
    nsvq: Nsvq, clip: Path, coded: Path, toy_checkpoint: Path, tmp_path: Path
) -> None:
    direct, trimmed = tmp_path / "direct.nsvq", tmp_path / "trimmed.nsvq"
    options = ("--bitrate", 0.6, "--cbr", "--checkpoint", toy_checkpoint)
    nsvq("encode", clip, "-o", direct, *options)
    assert nsvq("trim", coded, "-o", trimmed, "--bitrate", 0.6).exit_code == 0
    assert trimmed.read_bytes() == direct.read_bytes()
    options = ("--checkpoint", toy_checkpoint, "-o", "-")
    from_all = nsvq("decode", coded, "--bitrate", 0.6, *options)
    assert from_all.stdout_bytes == nsvq("decode", direct, *options).stdout_bytes


def test_the_bitrate_varies_unless_constant_is_asked_for(
    nsvq: Nsvq, clip: Path, toy_checkpoint: Path, tmp_path: Path
) -> None:
    variable, constant = tmp_path / "v.nsvq", tmp_path / "c.nsvq"
    options = ("--stages", 2, "--checkpoint", toy_checkpoint)
    told = nsvq("encode", clip, "-o", variable, *options)
    size = variable.stat().st_size
    kbps = 8 * size / soundfile.info(clip).duration / 1000
    assert told.stdout.endswith(f"{size:,} bytes, {kbps:.2f} kbps on average\n")
    told = nsvq("encode", clip, "-o", constant, "--cbr", *options)
    assert "average" not in told.stdout
    assert size <= constant.stat().st_size
    files = json.loads(nsvq("info", variable, constant, "--json").stdout)["files"]
    assert [(facts["version"], facts["variable"]) for facts in files] == [(3, True), (1, False)]
    codes = Codec.codes(variable.read_bytes())
    mean = (codes >= 0).sum() / codes.shape[2]
    assert (files[0]["mean_stages"], files[1]["mean_stages"]) == (pytest.approx(mean), 2.0)
    assert files[0]["kbps"] == pytest.approx(kbps)
    text = nsvq("info", "-", stdin=variable.read_bytes()).stdout
    assert f"variable: {mean:.2f} stages of 6 bits on average" in text
    assert f"{kbps:.2f} kbps on disk" in text
    assert "constant: 2 stages" in nsvq("info", constant).stdout


def test_a_file_of_variable_bitrate_is_trimmed_and_decoded_alike(
    nsvq: Nsvq, clip: Path, toy_checkpoint: Path, tmp_path: Path
) -> None:
    variable, trimmed = tmp_path / "v.nsvq", tmp_path / "t.nsvq"
    weights = ("--checkpoint", toy_checkpoint)
    nsvq("encode", clip, "-o", variable, "--bitrate", 0.9, *weights)
    result = nsvq("trim", variable, "-o", trimmed, "--bitrate", 0.6)
    assert result.exit_code == 0, result.stderr
    assert "kbps on average" in result.stdout
    assert trimmed.stat().st_size < variable.stat().st_size
    (facts,) = json.loads(nsvq("info", trimmed, "--json").stdout)["files"]
    assert (facts["version"], facts["num_stages"], facts["variable"]) == (3, 2, True)
    assert 1.0 <= facts["mean_stages"] <= 2.0
    less = nsvq("decode", variable, "-o", "-", "--bitrate", 0.6, *weights)
    assert less.stdout_bytes == nsvq("decode", trimmed, "-o", "-", *weights).stdout_bytes
    too_much = nsvq("decode", variable, "-o", tmp_path / "x.wav", "--stages", 4, *weights)
    assert (too_much.exit_code, len(too_much.stderr.splitlines())) == (1, 1)


def test_folders_are_coded_at_a_variable_bitrate_by_processes_too(
    nsvq: Nsvq, folder: Path, toy_checkpoint: Path, tmp_path: Path
) -> None:
    (folder / "2.flac").unlink()
    for word, version in (("--vbr", 3), ("--cbr", 1)):
        target = tmp_path / word
        options = ("--stages", 2, "--jobs", 2, "--checkpoint", toy_checkpoint)
        result = nsvq("encode", folder, "-o", target, word, *options)
        assert result.exit_code == 0, result.stderr
        assert {path.read_bytes()[4] for path in target.iterdir()} == {version}


def test_a_bitrate_between_two_takes_the_lower_and_says_so(
    nsvq: Nsvq, clip: Path, coded: Path, toy_checkpoint: Path, tmp_path: Path
) -> None:
    options = ("--bitrate", "1.0", "--checkpoint", toy_checkpoint)
    said = "nsvq: 1 kbps is not on offer; using 0.9 kbps\n"
    for verb, source, name in (("encode", clip, "x.nsvq"), ("decode", coded, "x.wav")):
        result = nsvq(verb, source, "-o", tmp_path / name, *options)
        assert (result.exit_code, result.stderr) == (0, said)
    result = nsvq("trim", coded, "-o", tmp_path / "trimmed.nsvq", "--bitrate", "1.0")
    assert (result.exit_code, result.stderr) == (0, said)


def test_json_tells_what_was_done(
    nsvq: Nsvq, clip: Path, toy_checkpoint: Path, tmp_path: Path
) -> None:
    target = tmp_path / "x.nsvq"
    result = nsvq("encode", clip, "-o", target, "--json", "--checkpoint", toy_checkpoint)
    told = json.loads(result.stdout)
    assert told["failures"] == []
    (file,) = told["files"]
    assert file["coded_bytes"] == target.stat().st_size
    assert (file["num_stages"], file["nominal_kbps"]) == (4, 1.2)
    described = json.loads(nsvq("info", target, toy_checkpoint, "--json").stdout)["files"]
    assert [facts["kind"] for facts in described] == ["nsvq", "checkpoint"]
    assert described[0]["model_id"] == described[1]["model_id"]
    assert described[0]["num_samples"] == soundfile.info(clip).frames


def test_info_reads_a_file_from_standard_input(nsvq: Nsvq, coded: Path) -> None:
    result = nsvq("info", "-", stdin=coded.read_bytes())
    assert result.exit_code == 0
    assert "16,000 Hz, 1 channel" in result.stdout


def test_reconstruct_writes_file_wav_and_picture(
    nsvq: Nsvq, toy_checkpoint: Path, tmp_path: Path
) -> None:
    pytest.importorskip("pesq", reason="the extra `evaluate` is not installed")
    options = ("-o", tmp_path / "out", "--checkpoint", toy_checkpoint)
    result = nsvq("reconstruct", *options)
    assert result.exit_code == 0, result.stderr
    assert {path.suffix for path in (tmp_path / "out").iterdir()} == {".nsvq", ".wav", ".png"}
    for word in ("seconds", "bytes", "kbps", "PESQ-WB", "STOI"):
        assert word in result.stdout
    again = nsvq("reconstruct", *options)
    assert again.exit_code == 1
    assert "--force" in again.stderr
    assert nsvq("reconstruct", *options, "--force").exit_code == 0


def test_reconstruct_takes_a_pipe(
    nsvq: Nsvq, clip: Path, toy_checkpoint: Path, tmp_path: Path
) -> None:
    pytest.importorskip("pesq", reason="the extra `evaluate` is not installed")
    os.mkfifo(pipe := tmp_path / "talk.wav")
    threading.Thread(target=lambda: pipe.write_bytes(clip.read_bytes()), daemon=True).start()
    options = ("-o", tmp_path / "out", "--checkpoint", toy_checkpoint, "--json")
    result = nsvq("reconstruct", pipe, *options)
    assert result.exit_code == 0, result.stderr
    (facts,) = json.loads(result.stdout)["files"]
    (same,) = json.loads(nsvq("reconstruct", clip, *options).stdout)["files"]
    for name in ("pesq_wb", "stoi", "coded_bytes", "num_samples"):
        assert facts[name] == same[name]
    os.mkfifo(tmp_path / "none.wav")
    threading.Thread(target=(tmp_path / "none.wav").write_bytes, args=(b"",), daemon=True).start()
    result = nsvq("reconstruct", tmp_path / "none.wav", *options)
    assert result.exit_code == 1
    (failure,) = json.loads(result.stdout)["failures"]
    assert failure["error"].endswith("none.wav: empty file (0 bytes); expected a recording")


@pytest.mark.parametrize("force", [(), ("--force",)])
@pytest.mark.parametrize("suffix", [".wav", ".WAV"])
def test_reconstruct_never_replaces_its_source(
    nsvq: Nsvq, toy_checkpoint: Path, tmp_path: Path, force: tuple[str, ...], suffix: str
) -> None:
    pytest.importorskip("pesq", reason="the extra `evaluate` is not installed")
    source = tmp_path / f"talk{suffix}"
    soundfile.write(source, np.zeros(16_000), 16_000)
    if suffix != ".wav":
        os.link(source, tmp_path / "talk.wav")  # the same file by another name
    before = source.read_bytes()
    options = ("-o", tmp_path, "--checkpoint", toy_checkpoint, *force)
    result = nsvq("reconstruct", source, *options)
    assert result.exit_code == 1
    assert "talk.wav: is an input as well as an output" in result.stderr
    assert source.read_bytes() == before
    assert not (tmp_path / "talk.nsvq").exists()


def test_reconstruct_is_done_when_all_three_are_there(
    nsvq: Nsvq, toy_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pesq", reason="the extra `evaluate` is not installed")
    out = tmp_path / "out"
    options = ("-o", out, "--checkpoint", toy_checkpoint, "--skip-existing")

    def broken(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(spectrogram, "draw_pair", broken)
        assert nsvq("reconstruct", *options).exit_code == 1
    assert not out.exists()
    assert nsvq("reconstruct", *options).exit_code == 0
    assert "1 there already" in nsvq("reconstruct", *options).stdout
    next(out.glob("*.png")).unlink()
    assert nsvq("reconstruct", *options).exit_code == 1
    assert not list(out.glob("*.png"))


def test_reconstructing_silence_says_that_it_has_no_score(
    nsvq: Nsvq, toy_checkpoint: Path, tmp_path: Path
) -> None:
    pytest.importorskip("pesq", reason="the extra `evaluate` is not installed")
    soundfile.write(tmp_path / "silence.wav", np.zeros(16_000), 16_000)
    options = ("-o", tmp_path / "out", "--json", "--checkpoint", toy_checkpoint)
    result = nsvq("reconstruct", tmp_path / "silence.wav", *options)
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["files"][0]["pesq_wb"] is None


def test_reconstructing_without_the_extra_writes_nothing(
    nsvq: Nsvq, toy_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pesq", None)
    result = nsvq("reconstruct", "-o", tmp_path / "out", "--checkpoint", toy_checkpoint)
    assert result.exit_code == 1
    assert result.stderr == (
        "nsvq: reconstruct needs pesq, which is missing: pip install 'nsvq-codec[evaluate]'\n"
    )
    assert not (tmp_path / "out").exists()
