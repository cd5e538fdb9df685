"""Bad input: exit 1, one clear line on stderr, nothing left behind."""

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import Result

from tests.app.conftest import Nsvq

Make = Callable[[Path], None]


def text_called_wav(path: Path) -> None:
    path.write_text("This is not a recording.\n" * 50)


def wave_of(samples: list[float]) -> Make:
    def make(path: Path) -> None:
        soundfile.write(path, np.array(samples, np.float32), 16_000, subtype="FLOAT")

    return make


def truncated_wav(path: Path) -> None:
    soundfile.write(path, np.zeros(16_000), 16_000)
    path.write_bytes(path.read_bytes()[:20])


OUTPUTS = {"encode": "x.nsvq", "decode": "x.wav", "trim": "x.nsvq"}
"""A name for what each verb writes."""

BAD_RECORDINGS: dict[str, tuple[Make, str]] = {
    "a text file called .wav": (text_called_wav, "not a recording"),
    "an empty wav": (wave_of([]), "0 samples"),
    "a zero-length file": (Path.touch, "0 bytes"),
    "NaN samples": (wave_of([0.0] * 99_999 + [float("nan")]), "NaN"),
    "infinite samples": (wave_of([float("inf")] * 10), "infinite"),
    "samples far too loud": (wave_of([3e38] * 10), "within [-1, 1]"),
    "a wav cut in its header": (truncated_wav, "not a recording"),
    "no such file": (lambda path: None, "no such file"),
    "a folder without audio": (lambda path: path.mkdir(), "no .wav"),
}


def tree(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


def check_refused(result: Result, reason: str) -> None:
    """Exit 1, one line on stderr that names the program and the reason, nothing on stdout."""
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("nsvq: ")
    assert reason in line
    assert result.stdout_bytes == b""


@pytest.mark.parametrize("case", BAD_RECORDINGS)
def test_bad_recordings(case: str, nsvq: Nsvq, toy_checkpoint: Path, tmp_path: Path) -> None:
    make, reason = BAD_RECORDINGS[case]
    source = tmp_path / "speech.wav"
    make(source)
    before = tree(tmp_path)
    for target in (tmp_path / "out.nsvq", tmp_path / "new" / "folder" / "out.nsvq"):
        result = nsvq("encode", source, "-o", target, "--checkpoint", toy_checkpoint)
        check_refused(result, reason)
        assert str(source) in result.stderr
        assert tree(tmp_path) == before


@pytest.mark.parametrize("stdin", [b"", b"some text that is no recording"])
def test_bad_standard_input(stdin: bytes, nsvq: Nsvq, toy_checkpoint: Path) -> None:
    for verb in ("encode", "decode"):
        result = nsvq(verb, "-", "--checkpoint", toy_checkpoint, stdin=stdin)
        check_refused(result, "standard input: ")


def with_version(data: bytes, version: int) -> bytes:
    """A header of another version, with a checksum that is right."""
    fields = data[:4] + bytes([version]) + data[5:36]
    return fields + struct.pack(">I", zlib.crc32(fields)) + data[40:]


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << (bit % 8)
    return bytes(changed)


BAD_FILES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "zero-length": (lambda data: b"", "40 bytes"),
    "text": (lambda data: b"This is not a coded file.\n" * 9, "not a .nsvq file"),
    "cut in the header": (lambda data: data[:30], "truncated"),
    "cut in the middle": (lambda data: data[: len(data) // 2], "truncated"),
    "cut by a byte": (lambda data: data[:-1], "truncated"),
    "longer by a byte": (lambda data: data + b"\0", "damaged"),
    "bit flipped in the header": (lambda data: flipped(data, 8 * 30), "damaged"),
    "bit flipped in the codes": (lambda data: flipped(data, 8 * 150 + 3), "damaged"),
    "last bit flipped": (lambda data: flipped(data, 8 * len(data) - 1), "damaged"),
    "unknown version": (lambda data: with_version(data, 2), "version 2"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_coded_files(
    case: str, nsvq: Nsvq, coded: Path, toy_checkpoint: Path, tmp_path: Path
) -> None:
    damage, reason = BAD_FILES[case]
    bad, target = tmp_path / "bad.nsvq", tmp_path / "out"
    bad.write_bytes(damage(coded.read_bytes()))
    before = tree(tmp_path)
    options = ("--checkpoint", toy_checkpoint)
    for result in (
        nsvq("decode", bad, "-o", target.with_suffix(".wav"), *options),
        nsvq("decode", bad, "-o", target.with_suffix(".flac"), *options),
        nsvq("decode", bad, "-o", "-", *options),
        nsvq("trim", bad, "-o", target.with_suffix(".nsvq"), "--stages", 1),
        nsvq("info", bad),
    ):
        check_refused(result, reason)
        assert str(bad) in result.stderr
    assert tree(tmp_path) == before


def test_a_file_of_another_checkpoint(
    nsvq: Nsvq, coded: Path, other_checkpoint: Path, tmp_path: Path
) -> None:
    target = tmp_path / "out.wav"
    check_refused(nsvq("decode", coded, "-o", target, "--checkpoint", other_checkpoint), "model")
    assert not target.exists()


@pytest.mark.parametrize("verb", ["encode", "decode"])
def test_a_checkpoint_that_is_none(verb: str, nsvq: Nsvq, clip: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"\xff" * 100)
    for checkpoint in ("no-such-model", tmp_path, broken):
        target = tmp_path / OUTPUTS[verb]
        check_refused(nsvq(verb, clip, "-o", target, "--checkpoint", checkpoint), str(checkpoint))
        assert not target.exists()


@pytest.mark.parametrize("place", ["{file}/out.nsvq", "{file}/a/b.nsvq", "/proc/nowhere/out.nsvq"])
def test_places_where_nothing_can_be_written(
    place: str, nsvq: Nsvq, clip: Path, coded: Path, toy_checkpoint: Path, tmp_path: Path
) -> None:
    """Root may write into any folder, so these are places where nobody can."""
    (tmp_path / "file").write_text("in the way")
    target = place.format(file=tmp_path / "file")
    before = tree(tmp_path)
    check_refused(nsvq("encode", clip, "-o", target, "--checkpoint", toy_checkpoint), target)
    check_refused(nsvq("trim", coded, "-o", target, "--stages", 1), target)
    assert tree(tmp_path) == before


def test_an_existing_output_is_kept_without_force(
    nsvq: Nsvq, clip: Path, coded: Path, toy_checkpoint: Path, tmp_path: Path
) -> None:
    options = ("--checkpoint", toy_checkpoint)
    for verb, source, more in (
        ("encode", clip, options),
        ("decode", coded, options),
        ("trim", coded, ("--stages", 1)),
    ):
        target = tmp_path / OUTPUTS[verb]
        target.write_text("precious")
        call = (verb, source, "-o", target, *more)
        check_refused(nsvq(*call), "--force")
        assert target.read_text() == "precious"
        assert nsvq(*call, "--force").exit_code == 0
        assert target.read_bytes() != b"precious"


def test_a_pipe_is_written_to_and_not_replaced(nsvq: Nsvq, coded: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDWR)
    try:
        assert nsvq("trim", coded, "-o", pipe, "--stages", 1).exit_code == 0
        assert os.read(reader, 4) == b"NSVQ"
    finally:
        os.close(reader)
    assert pipe.is_fifo()


@pytest.mark.parametrize("rate", [("--bitrate", "0.1"), ("--bitrate", "nan"), ("--stages", 99)])
def test_bitrates_that_nobody_offers(
    rate: tuple[str, object], nsvq: Nsvq, clip: Path, coded: Path, toy_checkpoint: Path
) -> None:
    before = tree(coded.parent)
    checkpoint = ("--checkpoint", toy_checkpoint)
    for verb, source, more in (
        ("encode", clip, checkpoint),
        ("decode", coded, checkpoint),
        ("trim", coded, ()),
    ):
        target = coded.parent / OUTPUTS[verb]
        check_refused(nsvq(verb, source, "-o", target, *more, *rate), "")
    assert tree(coded.parent) == before


def test_a_bad_file_does_not_stop_the_others(
    nsvq: Nsvq, clip: Path, toy_checkpoint: Path, tmp_path: Path
) -> None:
    source, target = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    text_called_wav(source / "a.wav")
    (source / "b.flac").write_bytes(clip.read_bytes())
    (source / "c.wav").write_bytes(b"")
    result = nsvq("encode", source, "-o", target, "--checkpoint", toy_checkpoint)
    assert result.exit_code == 1
    assert result.stdout.startswith("1 of 3 files written; 2.1 s of audio in ")
    lines = result.stderr.splitlines()
    assert len(lines) == 3
    assert str(source / "a.wav") in lines[0]
    assert str(source / "c.wav") in lines[1]
    assert lines[2] == "nsvq: 2 of 3 files failed"
    assert [path.name for path in target.iterdir()] == ["b.nsvq"]


def test_two_inputs_for_one_output_are_refused_before_any_work(
    nsvq: Nsvq, clip: Path, toy_checkpoint: Path, tmp_path: Path
) -> None:
    for suffix in (".flac", ".wav"):
        (tmp_path / f"a{suffix}").write_bytes(clip.read_bytes())
    (tmp_path / "b.flac").write_bytes(clip.read_bytes())
    before = tree(tmp_path)
    result = nsvq("encode", tmp_path, "-o", tmp_path / "out", "--checkpoint", toy_checkpoint)
    check_refused(result, "both")
    assert tree(tmp_path) == before


def test_an_input_is_never_overwritten(nsvq: Nsvq, coded: Path) -> None:
    before = coded.read_bytes()
    for target in (coded, coded.parent / "." / "clip.nsvq"):
        check_refused(nsvq("trim", coded, "-o", target, "--stages", 1, "--force"), "input")
    assert coded.read_bytes() == before


def test_info_on_a_missing_file_says_that_it_is_missing(nsvq: Nsvq, tmp_path: Path) -> None:
    check_refused(nsvq("info", tmp_path / "gone.nsvq"), "gone.nsvq: no such file")


def test_a_format_that_contradicts_the_name_is_wrong_usage(
    nsvq: Nsvq, coded: Path, tmp_path: Path
) -> None:
    result = nsvq("decode", coded, "-o", tmp_path / "x.wav", "--format", "flac")
    assert result.exit_code == 2
    assert "--format flac" in result.stderr
    assert not (tmp_path / "x.wav").exists()


@pytest.mark.parametrize("verb", ["encode", "decode"])
def test_a_device_that_is_not_there(
    verb: str, nsvq: Nsvq, clip: Path, coded: Path, toy_checkpoint: Path, tmp_path: Path
) -> None:
    source = clip if verb == "encode" else coded
    words = ("-o", tmp_path / OUTPUTS[verb], "--checkpoint", toy_checkpoint, "--device", "nonsense")
    check_refused(nsvq(verb, source, *words), "device 'nonsense'")
    assert not (tmp_path / OUTPUTS[verb]).exists()
