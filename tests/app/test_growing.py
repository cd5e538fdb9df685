"""`nsvq encode -`: a wav through a pipe is coded while it comes; tags; the length of a chunk."""

import io
import json
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from codec.audio import open_audio
from codec.bitstream import FileReader, unpack_file
from codec.errors import AudioError
from codec.wav_stream import WavStream, open_wav_stream
from tests.app.conftest import Nsvq

NSVQ = [sys.executable, "-m", "app"]


def wav_bytes(wave: np.ndarray, rate: int, subtype: str, kind: str = "WAV") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, wave, rate, subtype, format=kind)
    return file.getvalue()


def noise(count: int, channels: int = 1) -> np.ndarray:
    return 0.1 * np.random.default_rng(0).standard_normal((count, channels))


@pytest.mark.parametrize("kind", ["WAV", "WAVEX", "RF64"])
@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_samples_are_those_that_the_library_reads(kind: str, subtype: str) -> None:
    data = wav_bytes(noise(3_001, 2), 22_050, subtype, kind)
    stream = open_wav_stream(io.BytesIO(data))
    assert isinstance(stream, WavStream)
    assert (stream.sample_rate, stream.num_channels) == (22_050, 2)
    expected = soundfile.read(io.BytesIO(data), dtype="float32")[0].T
    np.testing.assert_array_equal(np.concatenate(list(stream.blocks()), axis=1), expected)


@pytest.mark.parametrize("subtype", ["ULAW", "MS_ADPCM"])
def test_other_samples_are_left_to_the_library(subtype: str) -> None:
    data = wav_bytes(noise(3_000), 8_000, subtype)
    for start in (data, b"", b"RIFF", data[:20], b"fLaC" + data):
        rest = open_wav_stream(io.BytesIO(start))
        assert not isinstance(rest, WavStream)
        assert rest.read() == start


def shell(line: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(["bash", "-c", line], capture_output=True, timeout=300, check=False)


def test_a_pipe_gives_the_codes_of_the_file(
    nsvq: Nsvq, clip: Path, toy_checkpoint: Path, tmp_path: Path
) -> None:
    wave, rate = soundfile.read(clip)
    (tmp_path / "a.wav").write_bytes(wav_bytes(wave, rate, "PCM_16"))
    options = ["--checkpoint", str(toy_checkpoint), "-q"]
    nsvq("encode", tmp_path / "a.wav", *options)
    line = f"cat {tmp_path}/a.wav | {' '.join([*NSVQ, 'encode', '-', *options])}"
    result = shell(f"{line} --chunk 0.1")
    assert (result.returncode, result.stderr) == (0, b"")
    expected_header, expected = unpack_file((tmp_path / "a.nsvq").read_bytes())
    header, codes = unpack_file(result.stdout)
    np.testing.assert_array_equal(codes, expected)
    assert (header.version, header.frames_per_chunk, expected_header.version) == (2, 5, 1)
    (tmp_path / "b.nsvq").write_bytes(result.stdout)
    for name in "ab":
        assert nsvq("decode", tmp_path / f"{name}.nsvq", "-f", *options).exit_code == 0
    assert (tmp_path / "b.wav").read_bytes() == (tmp_path / "a.wav").read_bytes()


def test_who_asks_for_a_variable_bitrate_in_a_pipe_is_told(
    toy_checkpoint: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.wav").write_bytes(wav_bytes(noise(8_000), 16_000, "PCM_16"))
    encode = f"{' '.join([*NSVQ, 'encode', '-'])} --checkpoint {toy_checkpoint} --stages 1"
    line = f"cat {tmp_path}/a.wav | {encode}"
    told = shell(f"{line} --vbr")
    assert told.returncode == 0
    assert unpack_file(told.stdout)[0].version == 2
    note = "nsvq: a recording through a pipe is coded at a constant bitrate; --vbr needs a file\n"
    assert told.stderr.decode() == note
    for silent in (line, f"{line} --vbr -q", f"{encode} --vbr < {tmp_path}/a.wav"):
        assert shell(silent).stderr == b""


def test_a_killed_recorder_leaves_what_is_whole(
    nsvq: Nsvq, toy_checkpoint: Path, tmp_path: Path
) -> None:
    target = tmp_path / "talk.nsvq"
    options = ["-o", target, "--checkpoint", toy_checkpoint]
    data = wav_bytes(noise(16_000 * 6), 16_000, "PCM_16")
    unknown = data[:40] + struct.pack("<I", 0xFFFF_FFFF) + data[44:]
    with subprocess.Popen([*NSVQ, "encode", "-", *options], stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(unknown)
        process.stdin.flush()
        deadline = time.monotonic() + 120
        while not target.exists() or target.stat().st_size < 40 + 4 * 150:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.kill()
    result = nsvq("decode", target, "--checkpoint", toy_checkpoint)
    assert result.exit_code == 0
    (line,) = result.stderr.splitlines()
    assert "talk.nsvq: truncated: its end marker is missing; what came before lasts" in line
    assert soundfile.info(tmp_path / "talk.wav").duration >= 3.9
    shown = json.loads(nsvq("info", target, "--json").stdout)["files"][0]
    assert (shown["version"], len(shown["warnings"])) == (2, 1)
    assert "cut short" in nsvq("info", target).stdout
    refused = nsvq("trim", target, "--stages", "1", "-o", tmp_path / "t.nsvq")
    assert (refused.exit_code, len(refused.stderr.splitlines())) == (1, 1)


def test_an_interruption_ends_the_recording(toy_checkpoint: Path, tmp_path: Path) -> None:
    target = tmp_path / "talk.nsvq"
    command = [*NSVQ, "encode", "-", "-o", target, "--checkpoint", toy_checkpoint]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    ) as process:
        assert process.stdin is not None
        process.stdin.write(wav_bytes(noise(16_000), 16_000, "PCM_16")[:-1_000])
        process.stdin.flush()
        deadline = time.monotonic() + 120
        while not target.exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(1.0)
        process.send_signal(signal.SIGINT)
        assert process.wait(120) == 0
    assert FileReader(io.BytesIO(target.read_bytes())).header.num_samples == 15_500


def test_a_pipe_cut_short_is_coded_as_far_as_it_goes(
    nsvq: Nsvq, toy_checkpoint: Path, tmp_path: Path
) -> None:
    target, cut = tmp_path / "talk.nsvq", tmp_path / "cut.wav"
    cut.write_bytes(wav_bytes(noise(32_000), 16_000, "PCM_16")[:40_001])
    target.write_bytes(b"an older one")
    options = f"--checkpoint {toy_checkpoint} -f"
    result = shell(f"cat {cut} | {' '.join([*NSVQ, 'encode', '-', '-o', str(target), options])} -f")
    assert result.returncode == 0
    told = "cut short? its header promises 64000 bytes of samples and it ends after 39957"
    assert result.stderr.decode() == f"nsvq: standard input: {told}\n"
    header, codes = unpack_file(target.read_bytes())
    assert header.num_samples == 19_978
    by_path = nsvq("encode", cut, "-o", tmp_path / "p.nsvq", *options.split())
    assert (by_path.exit_code, "cut short?" in by_path.stderr) == (0, True)
    np.testing.assert_array_equal(codes, unpack_file((tmp_path / "p.nsvq").read_bytes())[1])


def test_a_wide_header_tells_where_samples_end() -> None:
    data = wav_bytes(noise(3_000), 16_000, "PCM_16", "RF64")
    stream = open_wav_stream(io.BytesIO(data + b"LIST" + bytes(60)))
    assert isinstance(stream, WavStream)
    assert sum(wave.shape[1] for wave in stream.blocks()) == 3_000
    cut = open_wav_stream(io.BytesIO(data[:-1_000]))
    assert isinstance(cut, WavStream)
    assert sum(wave.shape[1] for wave in cut.blocks()) == 2_500
    assert "cut short?" in cut.warnings[0]


def test_less_than_a_sample_is_none() -> None:
    data = wav_bytes(noise(10), 16_000, "PCM_16")
    for size in (b"\x14\0\0\0", b"\xff\xff\xff\xff"):
        stream = open_wav_stream(io.BytesIO(data[:40] + size + b"\1"))
        assert isinstance(stream, WavStream)
        with pytest.raises(AudioError, match="empty recording"):
            list(stream.blocks())


@pytest.mark.parametrize("kind", ["WAV", "WAVEX", "RF64"])
@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_tags_of_a_pipe_are_those_of_the_file(kind: str, subtype: str, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with soundfile.SoundFile(path, "w", 16_000, 1, subtype, format=kind) as file:
        file.title, file.artist, file.date = "Tea", "Zoë", "2026"
        file.album, file.comment, file.genre, file.copyright = "A", "odd", "g", "(c)"
        file.write(noise(100))
    with path.open("rb") as pipe, open_audio(path) as reader:
        stream = open_wav_stream(pipe)
        assert isinstance(stream, WavStream)
        assert stream.tags == reader.tags
        assert len(stream.tags) >= 8 or kind == "RF64"


def test_tags_go_through_a_pipe(nsvq: Nsvq, toy_checkpoint: Path, tmp_path: Path) -> None:
    with soundfile.SoundFile(tmp_path / "a.wav", "w", 16_000, 1) as file:
        file.title = "Tea"
        file.write(noise(8_000))
    encode = f"{' '.join([*NSVQ, 'encode', '-', '--checkpoint', str(toy_checkpoint)])} -o"
    for name, options in (("tags", "--tags"), ("none", "")):
        line = f"cat {tmp_path}/a.wav | {encode} {tmp_path}/{name}.nsvq {options}"
        assert shell(line).stderr == b""
    shown = json.loads(nsvq("info", tmp_path / "tags.nsvq", "--json").stdout)["files"][0]["tags"]
    assert (shown["title"], shown["source_format"]) == ("Tea", "WAV PCM_16")
    assert unpack_file((tmp_path / "none.nsvq").read_bytes())[0].tags == ()


def test_a_bad_pipe_leaves_no_file(toy_checkpoint: Path, tmp_path: Path) -> None:
    target = tmp_path / "x.nsvq"
    bad = wav_bytes(np.full((100, 1), np.nan), 16_000, "FLOAT")
    (tmp_path / "bad").write_bytes(bad)
    (tmp_path / "none").write_bytes(wav_bytes(noise(0), 16_000, "PCM_16"))
    for name in ("bad", "none"):
        line = [*NSVQ, "encode", "-", "-o", str(target), "--checkpoint", str(toy_checkpoint)]
        result = shell(f"cat {tmp_path}/{name} | {' '.join(line)}")
        assert (result.returncode, len(result.stderr.splitlines())) == (1, 1)
        assert not target.exists()


def test_tags_go_round(nsvq: Nsvq, toy_checkpoint: Path, tmp_path: Path) -> None:
    with soundfile.SoundFile(tmp_path / "a.flac", "w", 16_000, 1) as file:
        file.title, file.artist, file.date = "Tea", "Zoë", "2026"
        file.write(noise(8_000))
    options = ("--checkpoint", toy_checkpoint, "-f")
    assert nsvq("encode", tmp_path / "a.flac", "--tags", *options).exit_code == 0
    shown = json.loads(nsvq("info", tmp_path / "a.nsvq", "--json").stdout)["files"][0]
    expected = {"title": "Tea", "artist": "Zoë", "date": "2026"}
    assert shown["tags"] == {**expected, "source_format": "FLAC PCM_16"}
    text = nsvq("info", tmp_path / "a.nsvq").stdout
    assert [line.strip() for line in text.splitlines()[-4:]] == [
        "tags       artist: Zoë", "date: 2026", "source_format: FLAC PCM_16", "title: Tea"
    ]  # fmt: skip
    for suffix in ("wav", "flac"):
        target = tmp_path / f"b.{suffix}"
        assert nsvq("decode", tmp_path / "a.nsvq", "-o", target, *options).exit_code == 0
        with soundfile.SoundFile(target) as file:
            assert file.copy_metadata().items() >= expected.items()
            assert file.frames == 8_000
    plain = nsvq("encode", tmp_path / "a.flac", "--chunk", "0.5", *options)
    assert plain.exit_code == 0
    shown = json.loads(nsvq("info", tmp_path / "a.nsvq", "--json").stdout)["files"][0]
    assert (shown["version"], shown["chunk_seconds"], shown["tags"]) == (1, 0.5, {})
