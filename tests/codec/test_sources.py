"""Recordings from pipes, in uncommon formats, through ffmpeg, and cut short."""

import os
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

from codec import AudioError, Codec, ffmpeg
from codec.audio import open_audio, read_audio
from codec.ffmpeg import Bound
from codec.files import check_file, compress_file, decompress_file, trim_path
from codec.formats import FFMPEG, LIBSNDFILE
from codec.temporary import TemporaryFolder
from tests.conftest import stub_ffmpeg

NOISE = (0.1 * np.random.default_rng(0).standard_normal(30_000)).astype(np.float32)
needs_ffmpeg = pytest.mark.usefixtures("with_ffmpeg")


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    soundfile.write(tmp_path / "a.wav", NOISE, 16_000)
    return tmp_path / "a.wav"


def through_pipe(source: Path, name: str) -> Path:
    """A named pipe beside `source` that gives its bytes to whoever opens it."""
    pipe = source.with_name(name)
    os.mkfifo(pipe)
    threading.Thread(target=lambda: pipe.write_bytes(source.read_bytes()), daemon=True).start()
    return pipe


def test_named_pipes_are_read(toy: Codec, recording: Path) -> None:
    coded, folder = recording.with_suffix(".nsvq"), recording.parent
    compress_file(toy, recording, folder / "whole.nsvq")
    compress_file(toy, through_pipe(recording, "p1.wav"), coded)
    assert coded.read_bytes() == (folder / "whole.nsvq").read_bytes()
    decompress_file(toy, through_pipe(coded, "p2.nsvq"), folder / "b.wav")
    assert soundfile.info(folder / "b.wav").frames == 30_000
    assert check_file(through_pipe(coded, "p3.nsvq")).header.num_samples == 30_000
    trim_path(through_pipe(coded, "p4.nsvq"), folder / "t.nsvq", num_stages=1)
    assert check_file(folder / "t.nsvq").header.num_stages == 1


WRITABLE = {
    ".opus": ("OGG", "OPUS"), ".oga": ("OGG", "VORBIS"), ".aiff": ("AIFF", None),
    ".aif": ("AIFF", None), ".au": ("AU", None), ".caf": ("CAF", None), ".w64": ("W64", None),
    ".rf64": ("RF64", None), ".sph": ("NIST", None), ".voc": ("VOC", None), ".sf": ("IRCAM", None),
    ".paf": ("PAF", None), ".pvf": ("PVF", None), ".avr": ("AVR", None), ".svx": ("SVX", None),
}  # fmt: skip


@pytest.mark.parametrize("suffix", WRITABLE)
def test_formats_of_libsndfile(suffix: str, tmp_path: Path) -> None:
    assert suffix in LIBSNDFILE
    kind, subtype = WRITABLE[suffix]
    soundfile.write(tmp_path / f"a{suffix}", NOISE, 16_000, format=kind, subtype=subtype)
    wave, rate = read_audio(tmp_path / f"a{suffix}")
    assert (wave.shape[0], rate) == (1, 16_000)
    assert abs(wave.shape[1] - 30_000) < 1_000


@needs_ffmpeg
@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        *((suffix, "") for suffix in (".m4a", ".mp4", ".webm", ".wma", ".mka", ".mov", ".aac")),
        *((suffix, "") for suffix in (".ac3", ".wv", ".tta")),
        (".dts", "-c:a dca -strict -2"),
        (".spx", "-c:a flac -f ogg"),
    ],
)
def test_formats_of_ffmpeg(suffix: str, options: str, toy: Codec, recording: Path) -> None:
    assert suffix in FFMPEG
    path = recording.with_suffix(suffix)
    rate_for_all = ["-ar", "48000"]  # some know no other
    command = ["ffmpeg", "-v", "error", "-i", recording, *rate_for_all, *options.split(), path]
    subprocess.run(command, check=True)
    wave, rate = read_audio(path)
    assert abs(wave.shape[1] / rate - 30_000 / 16_000) < 0.2
    assert 0.05 < wave.std() < 0.2
    compress_file(toy, path, recording.with_suffix(".nsvq"))
    assert check_file(recording.with_suffix(".nsvq")).header.num_channels == 1


@needs_ffmpeg
def test_ffmpeg_is_told_to_read_nothing_but_the_file(recording: Path) -> None:
    playlist = recording.with_suffix(".m4a")
    playlist.write_text(f"ffconcat version 1.0\nfile '{recording}'\n")
    with pytest.raises(AudioError, match=r"a\.m4a: ffmpeg can't read it \("):
        read_audio(playlist)
    playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{recording}\n")
    with pytest.raises(AudioError, match="ffmpeg can't read it"):
        read_audio(playlist)
    dash = recording.with_name("-i.m4a")
    dash.write_bytes(b"nothing")
    with pytest.raises(AudioError, match="ffmpeg can't read it"):
        read_audio(dash)


@pytest.mark.parametrize("script", ["sleep 30", "echo 'a.m4a: broken' >&2; exit 3", "exit 0"])
def test_an_ffmpeg_that_hangs_or_fails(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub_ffmpeg(tmp_path / "bin", f"exec 2>&2\n{script}", monkeypatch)
    monkeypatch.setattr(ffmpeg, "TIMEOUT_S", 0.5)
    (tmp_path / "a.m4a").write_bytes(b"sound")
    with pytest.raises(AudioError, match=r"a\.m4a: ffmpeg (took more than|can't read)"):
        read_audio(tmp_path / "a.m4a")


def test_ffmpeg_is_told_where_to_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub_ffmpeg(tmp_path / "bin", f'echo "$@" > {tmp_path}/told; exit 1', monkeypatch)
    (tmp_path / "a.m4a").write_bytes(b"sound")
    for bound, told in (
        ({}, "-t 86401.000 -fs 40000065536"),
        ({"bound": Bound(60.0, 1_000_000)}, "-t 61.000 -fs 1065536"),
    ):
        with pytest.raises(AudioError), open_audio(tmp_path / "a.m4a", **bound):
            pass
        _, after = (tmp_path / "told").read_text().split(" -i ")  # options of what is written
        assert told in after


def test_a_recording_that_ffmpeg_was_stopped_in_is_refused_not_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a program that goes on for ever, but for the bound: no byte more is written."""
    endless = """
    while [ "$1" != -fs ]; do shift; done
    most=$2
    while [ $# -gt 1 ]; do shift; done
    head -c "$most" /dev/zero > "${1#file:}"
    """
    stub_ffmpeg(tmp_path / "bin", endless, monkeypatch)
    sizes = sizes_written(monkeypatch)
    (tmp_path / "a.m4a").write_bytes(b"sound")
    with (
        pytest.raises(AudioError, match=r"a\.m4a: all its channels take more than 1\.0 MB"),
        open_audio(tmp_path / "a.m4a", bound=Bound(60.0, 1_000_000)),
    ):
        pass
    assert sizes == [1_065_536]


@needs_ffmpeg
@pytest.mark.parametrize(
    ("bound", "why"),
    [
        (Bound(1.8, 1_000_000), r"a\.mka: lasts more than 0\.03 minutes"),
        (Bound(0.5, 1_000_000), r"a\.mka: lasts more than"),
        (Bound(60.0, 30_000), r"a\.mka: all its channels take more than 0\.0 MB"),
        (Bound(30_000 / 16_000, 120_000), None),
    ],
    ids=str,
)
def test_what_ffmpeg_writes_is_bounded(
    bound: Bound, why: str | None, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = recording.with_suffix(".mka")
    command = ["ffmpeg", "-v", "error", "-i", recording, "-c:a", "flac", path]
    subprocess.run(command, check=True)
    sizes = sizes_written(monkeypatch)
    if why is None:
        with open_audio(path, bound=bound) as reader:
            assert reader.info.num_samples == 30_000
            return
    with pytest.raises(AudioError, match=why), open_audio(path, bound=bound):
        pass
    packet = 4 * 4_608
    assert 0 < sizes[0] <= bound.num_bytes + 65_536 + packet


def sizes_written(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Bytes of what ffmpeg made, noted before it is removed."""
    sizes: list[int] = []
    close = TemporaryFolder.close

    def noting(folder: TemporaryFolder) -> None:
        sizes.append(sum(path.stat().st_size for path in folder.path.iterdir()))
        close(folder)

    monkeypatch.setattr(TemporaryFolder, "close", noting)
    return sizes


def test_without_ffmpeg_its_formats_are_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "a.m4a").write_bytes(b"sound")
    with pytest.raises(AudioError, match=r"reading \.m4a needs the program ffmpeg"):
        read_audio(tmp_path / "a.m4a")


def warnings_of(path: Path) -> list[str]:
    with open_audio(path) as reader:
        for _ in reader.blocks():
            pass
        return reader.warnings


@pytest.mark.parametrize("kind", ["WAV", "AIFF", "AU", "MP3", "W64", "RF64", "SVX", "VOC", "WVE",
                                  "OGG", "OGG OPUS"])  # fmt: skip
@pytest.mark.filterwarnings("ignore")
def test_recordings_cut_short_are_told(kind: str, tmp_path: Path, toy: Codec) -> None:
    path = tmp_path / f"a.{kind.lower()}"
    kind, _, subtype = kind.partition(" ")
    rate = 8_000 if kind == "WVE" else 16_000
    soundfile.write(path, np.tile(NOISE, 5), rate, subtype or None, format=kind)
    assert warnings_of(path) == []
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    (warning,) = warnings_of(path)
    assert str(path) in warning
    assert "cut short" in warning
    assert compress_file(toy, path, tmp_path / "a.nsvq").warnings == (warning,)


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_an_ogg_stream_is_whole_with_its_last_page_only(subtype: str, tmp_path: Path) -> None:
    path = tmp_path / "a.ogg"
    soundfile.write(path, np.tile(NOISE, 5), 16_000, subtype, format="OGG")
    whole = path.read_bytes()
    last = whole.rfind(b"OggS")
    told = [f"{path}: cut short? it ends before the last page of its Ogg stream"]
    for length in (last, last + 5, last + 30, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert warnings_of(path) == told
    path.write_bytes(whole + b"TAG" + bytes(125))
    assert warnings_of(path) == []


def test_an_ogg_stream_without_a_whole_page_is_no_empty_recording(tmp_path: Path) -> None:
    path = tmp_path / "a.ogg"
    soundfile.write(path, NOISE[:8_000], 16_000, format="OGG")
    path.write_bytes(path.read_bytes()[:-1_000])
    with pytest.raises(AudioError, match=r"a\.ogg: damaged, it ends before the last page"):
        read_audio(path)


@pytest.mark.parametrize("kind", ["FLAC", "CAF"])
def test_recordings_that_are_refused_when_cut_short(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{kind.lower()}"
    soundfile.write(path, NOISE, 16_000, format=kind)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(AudioError, match=r"damaged|malformed"):
        read_audio(path)


@needs_ffmpeg
@pytest.mark.parametrize("suffix", [".m4a", ".webm", ".wma", ".mka"])
def test_what_ffmpeg_complains_of_is_told(suffix: str, recording: Path, toy: Codec) -> None:
    path = recording.with_suffix(suffix)
    start = ["-movflags", "+faststart"] if suffix == ".m4a" else []
    soundfile.write(recording, np.tile(NOISE, 5), 16_000)
    subprocess.run(["ffmpeg", "-v", "error", "-i", recording, *start, path], check=True)
    assert warnings_of(path) == []
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 + 11])
    (warning,) = warnings_of(path)
    assert warning.startswith(f"{path}: cut short? ffmpeg says: ")
    assert " @ 0x" not in warning
    coded = recording.with_suffix(".nsvq")
    assert compress_file(toy, path, coded).warnings == (warning,)


def test_a_wav_of_unknown_length_is_not_called_cut_short(recording: Path) -> None:
    data = bytearray(recording.read_bytes())
    place = data.index(b"data") + 4
    for claim in (b"\xff\xff\xff\xff", b"\x00\xf0\xff\x7f"):
        data[4:8] = data[place : place + 4] = claim
        recording.write_bytes(data)
        assert warnings_of(recording) == []
