"""Rows with unusual names, channels and values: each is coded or told, none is lost in silence."""

import io
import json
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import soundfile

from app.tokens.formats import FORMATS
from app.tokens.recording import Outcome
from app.tokens.shards import ShardWriter
from app.tokens.sources import Sources
from tests.app.tokens.conftest import read_failures, read_rows

Tokens = Callable[..., Path]


def write_lines(path: Path, *rows: Any) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


@pytest.fixture
def stereo(tmp_path: Path) -> Path:
    """A quarter of a second, other noise in each channel."""
    wave = 0.1 * np.random.default_rng(0).standard_normal((4_000, 2))
    soundfile.write(tmp_path / "a.wav", wave, 16_000)
    return tmp_path / "a.wav"


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_name_that_is_not_utf8(format: str, stereo: Path, tokens: Tokens) -> None:
    folder = stereo.parent / "in"
    folder.mkdir()
    for name in (b"caf\xe9.wav", b"cafe.wav"):
        shutil.copy(stereo, folder / os.fsdecode(name))
    (folder / os.fsdecode(b"broken\xe9.wav")).write_bytes(b"nothing")
    (out,) = {tokens(folder, folder, "--format", format) for _ in range(2)}
    _, kind = FORMATS[format]
    (shard,) = out.glob("tokens-*")
    _, ids = kind.read_ids(shard)
    assert sorted(ids) == [f"{folder}/caf\\udce9.wav"] * 2 + [f"{folder}/cafe.wav"] * 2
    assert list(read_failures(out)) == [f"{folder}/broken\\udce9.wav"]


@pytest.mark.parametrize("format", FORMATS)
def test_a_surrogate_in_a_manifest(format: str, stereo: Path, tokens: Tokens) -> None:
    manifest = write_lines(
        stereo.parent / "m.jsonl",
        {"path": "a.wav", "id": "\ud800", "text": "\ud800", "n": {"\ud801": ["\ud800"]}},
        {"path": "a.wav", "id": "2", "\ud802": "name"},
        {"path": "\ud800.wav"},
        {"path": "zero\0.wav"},
    )
    folder = tokens(manifest, "--format", format)
    (shard,) = folder.glob("tokens-*")
    assert set(FORMATS[format][1].read_ids(shard)[1]) == {"\\ud800", "2"}
    assert [reason[:30] for reason in read_failures(folder).values()] == [
        "no file can have the name '" + str(stereo)[:3]
    ] * 2
    if format == "parquet":
        row = read_rows(folder)["\\ud800", 0]
        assert (row["text"], json.loads(row["n"])) == ("\\ud800", {"\\ud801": ["\\ud800"]})
        assert read_rows(folder)["2", 0]["\\ud802"] == "name"


@pytest.mark.parametrize("bad", [[3], [0, 1, 2, 3, 4, 5, 6], []])
def test_a_value_that_does_not_fit_fails_its_recording(bad: list[int], tmp_path: Path) -> None:
    facts = {"num_stages": 2}
    types = {"n": pa.int64()}
    writer = ShardWriter(tmp_path, format="parquet", types=types, facts=facts, shard_bytes=1e6)
    for index in range(7):
        value = "text" if index in bad else index
        row = {"channel": 0, "codes": np.zeros((2, 3), np.uint16), "id": str(index), "n": value}
        writer.add(Outcome(str(index), "path", 0.0, (row,)))
    writer.finish()
    assert [int(one.id) for one in writer.failures] == bad
    assert all("can't be written" in one.error for one in writer.failures)
    assert {id_ for id_, _ in read_rows(tmp_path)} == {str(i) for i in range(7) if i not in bad}
    assert (writer.num_rows, writer.num_shards) == (7 - len(bad), int(len(bad) < 7))
    assert not list(tmp_path.glob(".tokens*"))


def test_a_refused_recording_is_counted_as_failed(
    stereo: Path, nsvq: Any, toy_checkpoint: Path
) -> None:
    manifest = write_lines(
        stereo.parent / "m.jsonl",
        {"path": "a.wav", "id": "1", "n": 2**53 + 1},
        {"path": "a.wav", "id": "2", "n": 0.5},
    )
    out = stereo.parent / "out"
    words = ("-o", out, "--checkpoint", toy_checkpoint, "--jobs", 0, "--json")
    told = json.loads(nsvq("tokens", manifest, *words).stdout)
    assert (told["coded"], told["failed"], told["rows"]) == (1, 1, 2)
    assert list(read_failures(out)) == ["1"]


@pytest.mark.parametrize("value", ["{}", "{}.0"])
def test_channels_of_one_file_without_ids(value: str, stereo: Path, tokens: Tokens) -> None:
    manifest = stereo.parent / "m.csv"
    lines = [f"a.wav,{value.format(channel)}" for channel in (0, 1)]
    manifest.write_text("\n".join(["path,channel", *lines, "a.wav,"]))
    rows = read_rows(tokens(manifest, manifest))
    assert rows.keys() == {
        (f"{stereo}#channel0", 0),
        (f"{stereo}#channel1", 1),
        (f"{stereo}", 0),
        (f"{stereo}", 1),
    }
    for channel in (0, 1):
        part, whole = rows[f"{stereo}#channel{channel}", channel], rows[str(stereo), channel]
        assert part["codes"] == whole["codes"]


def test_a_row_that_comes_twice_is_told(stereo: Path) -> None:
    manifest = write_lines(stereo.parent / "m.jsonl", {"path": "a.wav"}, {"path": "a.wav"})
    first, second = Sources([str(manifest), str(stereo), str(stereo.parent)]).recordings()
    assert (first.fault, "used twice" in second.fault) == ("", True)


@pytest.mark.parametrize("channel", [1, 1.0, "1", "1.0", " 1 "])
def test_channel_is_a_whole_number(channel: Any, tmp_path: Path) -> None:
    manifest = write_lines(tmp_path / "m.jsonl", {"path": "a.wav", "channel": channel})
    (recording,) = Sources([str(manifest)]).recordings()
    assert (recording.channel, recording.fault) == (1, "")


@pytest.mark.parametrize("channel", [0.5, "left", -1, True, [0, 1], float("nan"), float("inf")])
def test_another_channel_is_a_fault(channel: Any, tmp_path: Path) -> None:
    manifest = write_lines(tmp_path / "m.jsonl", {"path": "a.wav", "channel": channel})
    (recording,) = Sources([str(manifest)]).recordings()
    assert recording.fault.startswith(f"channel is {channel!r}")


def test_parts_near_each_other_have_ids_of_their_own(tmp_path: Path) -> None:
    starts = [12345.62, 12345.64, 0.5, 1.0, 10**400]
    rows = [{"path": "a.wav", "start_s": start, "seconds": 1.0} for start in starts]
    *found, last = Sources([str(write_lines(tmp_path / "m.jsonl", *rows))]).recordings()
    ends = ["12345.62+1", "12345.64+1", "0.5+1", "1+1"]
    assert [one.id for one in found] == [f"{tmp_path}/a.wav#{end}" for end in ends]
    assert "not a number" in last.fault


@pytest.mark.parametrize("suffix", ["flac", "wav"])
def test_a_webdataset_keeps_its_own_audio(suffix: str, tmp_path: Path) -> None:
    said = {"audio": "elsewhere.wav", "__key__": "other", "text": "hello"}
    with tarfile.open(tmp_path / "m.tar", "w") as tar:
        for name in ("1", "2"):
            members = {f"{name}.{suffix}": b"sound", f"{name}.json": json.dumps(said).encode()}
            for member_name in sorted(members):
                member = tarfile.TarInfo(member_name)
                member.size = len(members[member_name])
                tar.addfile(member, io.BytesIO(members[member_name]))
    first, second = Sources([str(tmp_path / "m.tar")]).recordings()
    assert [one.id[-6:] for one in (first, second)] == [".tar#1", ".tar#2"]
    assert [one.data for one in (first, second)] == [b"sound"] * 2
    assert first.columns == {"text": "hello"}


@pytest.mark.parametrize("custom", [{"audio": "other.wav", "id": "x", "snr": 3}, [1]])
def test_a_cut_keeps_its_own_audio(custom: Any, tmp_path: Path) -> None:
    recording = {"duration": 1.0, "sources": [{"type": "file", "source": "/a.wav"}]}
    cut = {"id": "c", "start": 0, "duration": 1.0, "recording": recording, "custom": custom}
    (found,) = Sources([str(write_lines(tmp_path / "m.jsonl", cut))]).recordings()
    if isinstance(custom, dict):
        assert (found.id, found.path, found.columns["snr"]) == ("c", "/a.wav", 3)
    else:
        assert "not a cut" in found.fault
