"""Corpora by name: torchaudio unpacks and reads miniatures of their real layouts; a download that
fails leaves one line and nothing that could be taken for whole."""

import shutil
import tarfile
import zipfile
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import soundfile as sf
import torchaudio.datasets
from click.testing import CliRunner

from app.cli import cli
from codec.errors import TrainingError
from tests.training.conftest import voice
from training.corpora import downloads
from training.corpora.catalog import CORPORA, load_named
from training.corpora.sources import Sources

# torchaudio unpacks archives, which it has checked, without naming a filter
pytestmark = pytest.mark.filterwarnings("ignore:Python 3.14 will:DeprecationWarning")

LAYOUTS = {
    "librispeech": (
        "train-clean-100",
        16_000,
        ["LibriSpeech/train-clean-100/{0}/7/{0}-7-0000.flac"],
    ),
    "libritts": ("dev-clean", 24_000, ["LibriTTS/dev-clean/{0}/7/{0}_7_000000_000000.wav"]),
    "vctk": (
        "0.92",
        48_000,
        [
            "wav48_silence_trimmed/p{0}/p{0}_001_mic1.flac",
            "wav48_silence_trimmed/p{0}/p{0}_001_mic2.flac",
            "txt/p{0}/p{0}_001.txt",
        ],
    ),
    "cmu-arctic": (
        "bdl",
        16_000,
        ["cmu_us_bdl_arctic/wav/arctic_a{0}.wav", "cmu_us_bdl_arctic/etc/txt.done.data"],
    ),
}
"""A part of each corpus, its sample rate and what its archive holds for each of two numbers."""


def pack_miniature(name: str, archive: Path, source: Path) -> None:
    """An archive as the corpus' maker packs it, with two short recordings."""
    _, rate, patterns = LAYOUTS[name]
    for pattern in patterns:
        for number in ("0103", "0208"):
            path = source / pattern.format(number)
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix in (".flac", ".wav"):
                sf.write(path, np.interp(np.arange(rate) / rate, np.arange(16_000) / 16_000,
                                         voice(1.0, 120.0, int(number))), rate)  # fmt: skip
            else:
                path.write_text('( arctic_a0103 "words" )\n')
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive, "w") as file:
            for path in sorted(source.rglob("*.*")):
                file.write(path, path.relative_to(source))
    else:
        with tarfile.open(archive, f"w:{archive.suffix[1:]}") as file:
            for path in sorted(source.iterdir()):
                file.add(path, path.name)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stands in for the network: any archive asked for is a miniature. Lists what was asked for.

    And for a disk with room for the real ones: a test must not depend on the machine's.
    """
    roomy = shutil.disk_usage(tmp_path)._replace(free=10**12)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: roomy)
    asked: list[str] = []
    for name, module in (
        ("librispeech", "librispeech"),
        ("libritts", "libritts"),
        ("vctk", "vctk"),
        ("cmu-arctic", "cmuarctic"),
    ):

        def fetch(url: str, path: str, hash_prefix: str | None, name: str = name) -> None:
            asked.append(url)
            assert hash_prefix is not None, "an archive that nobody checks"
            source = tmp_path / f"source-{len(asked)}"
            pack_miniature(name, Path(path), source)

        monkeypatch.setattr(getattr(torchaudio.datasets, module), "download_url_to_file", fetch)
    return asked


def test_every_corpus_has_a_miniature_here() -> None:
    assert LAYOUTS.keys() == CORPORA.keys()


@pytest.mark.parametrize("name", CORPORA)
def test_a_corpus_is_downloaded_once_and_read(name: str, server: list[str], tmp_path: Path) -> None:
    part, _, _ = LAYOUTS[name]
    said: list[str] = []
    first = load_named([f"{name}:{part}"], tmp_path / "corpora", 16_000, said.append)
    assert [len(clip) for clip in first.clips] == [16_000, 16_000]
    assert first.refused == ()
    assert list(first.groups) == [name]
    speakers = {"vctk": {"p0103", "p0208"}, "cmu-arctic": {"bdl"}}
    assert set(first.groups[name]) == speakers.get(name, {"0103", "0208"})
    assert len(said) == 1
    assert f"about {CORPORA[name].parts[part]:g} GB" in said[0]
    assert np.abs(first.clips[1] / 32768.0 - voice(1.0, 120.0, 208)).max() < 0.1

    again = load_named([f"{name}:{part}"], tmp_path / "corpora", 16_000, said.append)
    assert len(server) == len(said) == 1
    assert all(np.array_equal(*pair) for pair in zip(first.clips, again.clips, strict=True))
    left = {path.suffix for path in (tmp_path / "corpora").rglob("*") if path.is_file()}
    assert not left & set(downloads.ARCHIVES)


def test_a_download_that_fails_is_one_line_and_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **more: object) -> None:
        raise URLError("no route\nto host")

    monkeypatch.setattr(torchaudio.datasets.librispeech, "download_url_to_file", fail)
    roomy = shutil.disk_usage(tmp_path)._replace(free=10**12)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: roomy)
    common = ["train", "--corpus", "librispeech", "--corpora-folder", str(tmp_path / "corpora")]
    told = CliRunner().invoke(cli, common)
    assert told.exit_code == 1
    *_, last = told.stderr.splitlines()
    assert "could not be downloaded (<urlopen error no route to host>)" in last
    assert "Traceback" not in told.output
    assert not (tmp_path / "corpora" / "librispeech-train-clean-100").exists()


def test_unpacked_by_halves_it_is_unpacked_again_from_the_archive_that_came(
    server: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, folder = torchaudio.datasets.librispeech, tmp_path / "corpora"
    unpack = module._extract_tar

    def cut_short(archive: str) -> None:
        unpack(archive)
        victim = next(Path(archive).parent.rglob("*.flac"))
        victim.write_bytes(victim.read_bytes()[:100])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "_extract_tar", cut_short)
    with pytest.raises(TrainingError, match="No space left"):
        load_named(["librispeech"], folder, 16_000, print)
    monkeypatch.setattr(module, "_extract_tar", unpack)
    corpus = load_named(["librispeech"], folder, 16_000, print)
    assert [len(clip) for clip in corpus.clips] == [16_000, 16_000]
    assert len(server) == 1


def test_too_little_room_is_said_before_the_download(
    server: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = shutil.disk_usage(tmp_path)._replace(free=20_000_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: full)
    with pytest.raises(TrainingError, match=r"6\.4 GB to download and 22\.4 GB of disk.* 20\.0 GB"):
        load_named(["librispeech"], tmp_path / "corpora", 16_000, print)
    assert server == []


@pytest.mark.parametrize(
    ("name", "named"), [("librivox", "known by name: librispeech"), ("vctk:mic3", "it has 0.92")]
)
def test_an_unknown_name_lists_those_there_are(name: str, named: str, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=named):
        load_named([name], tmp_path, 16_000, print)


def test_speakers_are_held_out_unless_there_is_something_to_validate_on(
    server: list[str], corpus_folder: Path, tmp_path: Path
) -> None:
    names, folder = ("librispeech", "cmu-arctic:bdl"), tmp_path / "corpora"
    train, dev = Sources(corpora=names, folder=folder).load(16_000)
    assert dev is not None
    assert list(dev.groups) == ["librispeech"]  # one speaker can't be split
    held_out = set(dev.groups["librispeech"])
    assert held_out | set(train.groups["librispeech"]) == {"0103", "0208"}
    assert len(held_out) == len(dev.clips) == 1

    both, dev = Sources(corpus_folder, names, dev_corpora=("vctk",), folder=folder).load(16_000)
    assert set(both.groups) == {"reads", "talks", "librispeech", "cmu-arctic"}
    assert len(both.clips) == 8
    assert dev is not None
    assert len(dev.clips) == 2
