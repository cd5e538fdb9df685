"""`nsvq listen-page`: a folder that needs nothing else, and tells no names where it should not."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("scipy", reason="the extra `evaluate` is not installed")


@pytest.fixture
def decoded(clips, tmp_path) -> Path:
    """Two of the clips decoded elsewhere, one of them 10 ms late and too short."""
    folder = tmp_path / "decoded"
    folder.mkdir()
    shutil.copy(clips[0], folder)
    wave, rate = soundfile.read(clips[1])
    soundfile.write(folder / f"{clips[1].stem}.wav", np.pad(wave, (160, 0))[:-400], rate)
    return folder


@pytest.fixture
def make(nsvq, clips, toy_checkpoint, decoded, tmp_path):
    def run(*args):
        return nsvq(
            "listen-page", clips[0].parent, "-o", tmp_path / "page", "--checkpoint",
            f"toy={toy_checkpoint}", "--rates", "0.3,1.2", "--decoded", f"other@6={decoded}", *args,
        )  # fmt: skip

    return run


def data_of(page: Path) -> dict:
    text = (page / "index.html").read_text()
    return json.loads(re.search(r"const page = (\{.*\});\n", text)[1])


def test_a_page_has_every_clip_by_every_codec(make, clips, tmp_path):
    result = make("--longest", "1.5")
    assert result.exit_code == 0, result.stderr
    assert result.stderr.count("is not decoded by 1 systems") == len(clips) - 2
    data = data_of(tmp_path / "page")
    assert data["columns"] == ["original", "toy 0.3 kbps", "toy 1.2 kbps", "other 6 kbps"]
    assert [row["name"] for row in data["rows"]] == [path.name for path in clips]
    for row in data["rows"]:
        lengths = {soundfile.info(tmp_path / "page" / name).frames for name in row["files"] if name}
        assert lengths == {24_000}
    assert [row["files"][3] is None for row in data["rows"]] == [False, False, True, True, True]


def test_a_late_clip_is_brought_in_time(make, clips, tmp_path):
    assert make().exit_code == 0
    row = data_of(tmp_path / "page")["rows"][1]
    original, late = (
        soundfile.read(tmp_path / "page" / row["files"][index])[0] for index in (0, 3)
    )
    assert np.abs(original - late)[:-600].max() < 1e-3


def test_the_page_loads_nothing_else_and_its_files_tell_no_names(make, tmp_path):
    assert make("--title", "</script><b>x</b>").exit_code == 0
    text = (tmp_path / "page" / "index.html").read_text()
    assert not re.search(r"https?:|src=|href=|@import|url\(", text)
    assert text.count("</script>") == 1
    files = list((tmp_path / "page").rglob("*.*"))
    assert all(re.fullmatch(r"[0-9a-f]{16}\.flac|index\.html", path.name) for path in files)
    assert sum(path.stat().st_size for path in files) < 1_000_000


def test_a_page_that_exists_is_replaced_on_demand_only(make, tmp_path):
    assert make().exit_code == 0
    (tmp_path / "page" / "notes.txt").write_text("mine")
    stale = tmp_path / "page" / "audio" / f"{'0' * 16}.flac"
    mine = stale.with_name("mine.flac")
    for path in (stale, mine):
        path.write_bytes(b"")
    refused = make()
    assert (refused.exit_code, "--force" in refused.stderr) == (1, True)
    assert stale.exists()
    assert make("--force").exit_code == 0
    assert not stale.exists()
    assert mine.exists()
    for row in data_of(tmp_path / "page")["rows"]:
        assert all((tmp_path / "page" / name).exists() for name in row["files"] if name)
    assert (tmp_path / "page" / "notes.txt").read_text() == "mine"


def all_files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_of_recordings_is_not_replaced(nsvq, clips, toy_checkpoint, tmp_path):
    corpus = tmp_path / "audio"
    shutil.copytree(clips[0].parent, corpus)
    shutil.copy(clips[0], corpus / f"{'0' * 16}.flac")
    before = all_files(tmp_path)
    options = ("-o", tmp_path, "--checkpoint", toy_checkpoint, "--rates", "0.3", "--force")
    result = nsvq("listen-page", corpus, *options)
    assert result.exit_code == 1
    assert "is not of a page" in result.stderr
    (tmp_path / "index.html").write_text("mine")
    assert "is not a page of listen-page" in nsvq("listen-page", corpus, *options).stderr
    (tmp_path / "index.html").unlink()
    assert all_files(tmp_path) == before


def test_a_page_is_not_made_from_its_own_audio(make, nsvq, toy_checkpoint, tmp_path):
    assert make().exit_code == 0
    page = tmp_path / "page"
    before = all_files(page)
    options = ("--checkpoint", toy_checkpoint, "--rates", "0.3", "--force")
    result = nsvq("listen-page", page / "audio", "-o", page, *options)
    assert (result.exit_code, "is of the page itself" in result.stderr) == (1, True)
    assert all_files(page) == before


@pytest.mark.parametrize(
    ("args", "exit_code"),
    [
        (["--decoded", "other@6=nowhere"], 1),
        (["--decoded", "toy@0.3=DECODED"], 1),
        (["--longest", "0"], 2),
        (["--checkpoint", "nowhere"], 1),
    ],
)
def test_what_can_not_be_made_is_one_line_and_no_folder(make, decoded, tmp_path, args, exit_code):
    result = make(*(text.replace("DECODED", str(decoded)) for text in args))
    assert result.exit_code == exit_code, result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "page").exists()
    assert {path.name for path in tmp_path.iterdir()} <= {"decoded"}
