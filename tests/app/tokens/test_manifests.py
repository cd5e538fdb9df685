"""Every kind of input: what becomes a recording, what is carried along, what is a fault."""

import base64
import gzip
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from app.tokens.recording import Recording
from app.tokens.sources import Sources
from codec.errors import AudioError
from tests.app.tokens.conftest import read_failures, read_rows

Tokens = Callable[..., Path]
WHOLE_S = 2.0515625
"""Length of the fixture `clip`."""


def recordings(*inputs: object, **options: Any) -> list[Recording]:
    return list(Sources([str(one) for one in inputs], **options).recordings())


def test_folder_file_and_pattern_give_each_recording_once(corpus: Path) -> None:
    everything = recordings(corpus)
    assert len(everything) == 43
    again = recordings(corpus, corpus / "000" / "000003.wav", f"{corpus}/**/*.wav")
    assert again == everything
    assert Sources([str(corpus)]).survey().num_recordings == 43


@pytest.mark.parametrize("name", ["nowhere", "nowhere/*.wav"])
def test_what_is_not_there_is_told(name: str) -> None:
    with pytest.raises(AudioError, match="nowhere"):
        Sources([name])


def test_csv_carries_its_columns_and_starts_in_its_folder(
    clip: Path, tmp_path: Path, tokens: Tokens
) -> None:
    (tmp_path / "a.flac").write_bytes(clip.read_bytes())
    (tmp_path / "m.csv").write_text("audio,text,codes\na.flac,hello,9\nb.flac,gone,8\n")
    folder = tokens(tmp_path / "m.csv")
    (row,) = read_rows(folder).values()
    assert (row["text"], row["source_codes"], row["path"]) == ("hello", "9", f"{tmp_path}/a.flac")
    assert list(read_failures(folder)) == [f"{tmp_path}/b.flac"]


def test_json_lines_with_faults(clip: Path, tmp_path: Path, tokens: Tokens) -> None:
    lines = [
        json.dumps({"id": 7, "audio_filepath": clip.name, "offset": 0.5, "duration": 1.0, "n": 1}),
        "{broken",
        "[1]",
        json.dumps({"id": 7, "audio_filepath": clip.name, "n": 0.5}),
        json.dumps({"text": "no audio"}),
        json.dumps({"id": 8, "audio_filepath": clip.name, "n": {"deep": 1}, "offset": 99}),
    ]
    (tmp_path / "m.jsonl").write_text("\n".join(lines))
    folder = tokens(tmp_path / "m.jsonl", "--root", clip.parent)
    (row,) = read_rows(folder).values()
    assert (row["id"], row["start_s"], row["seconds"], row["n"]) == ("7", 0.5, 1.0, "1")
    reasons = " / ".join(read_failures(folder).values())
    assert reasons.count(" / ") == 4
    for words in ("99 to", "its id is used twice", "no column", "not JSON", "not a JSON object"):
        assert words in reasons


def test_a_part_has_the_codes_of_the_part(clip: Path, tmp_path: Path, tokens: Tokens) -> None:
    import soundfile

    wave, rate = soundfile.read(clip, dtype="float32")
    soundfile.write(tmp_path / "part.wav", wave[rate // 2 : rate], rate, "PCM_16")
    (tmp_path / "m.jsonl").write_text(
        json.dumps({"path": str(clip), "start_s": 0.5, "seconds": 0.5})
    )
    (part,) = read_rows(tokens(tmp_path / "m.jsonl")).values()
    (file,) = read_rows(tokens(tmp_path / "part.wav", output="file")).values()
    assert part["codes"] == file["codes"]


def test_lhotse_cuts(clip: Path, tmp_path: Path, tokens: Tokens) -> None:
    def cut(id_: str, start: float, duration: float, type_: str, source: str) -> str:
        place = {"type": type_, "channels": [0], "source": source}
        said = {"text": "words", "speaker": "p225", "recording_id": "r"}
        return json.dumps({
            "id": id_, "start": start, "duration": duration, "channel": 0, "type": "MonoCut",
            "supervisions": [said], "custom": {"snr": 20.5},
            "recording": {"id": "r", "duration": WHOLE_S, "sources": [place]},
        })  # fmt: skip

    data = base64.b64encode(clip.read_bytes()).decode()
    lines = [
        cut("whole", 0, WHOLE_S, "file", str(clip)),
        cut("part", 0.25, 1.0, "file", str(clip)),
        cut("inside", 0, WHOLE_S, "memory", data),
        cut("far", 0, WHOLE_S, "url", "https://example.org/a.wav"),
    ]
    with gzip.open(tmp_path / "cuts.jsonl.gz", "wt") as file:
        file.write("\n".join(lines))
    folder = tokens(tmp_path / "cuts.jsonl.gz")
    rows = {row["id"]: row for row in read_rows(folder).values()}
    assert {name: row["seconds"] for name, row in rows.items()} == {
        "whole": WHOLE_S,
        "part": 1.0,
        "inside": WHOLE_S,
    }
    assert rows["whole"]["codes"] == rows["inside"]["codes"]
    assert (rows["part"]["text"], rows["part"]["snr"]) == ("words", 20.5)
    assert len(read_failures(folder)) == 1


@pytest.mark.parametrize("nested", [False, True])
def test_audio_inside_parquet(nested: bool, clip: Path, tmp_path: Path, tokens: Tokens) -> None:
    data = clip.read_bytes()
    audio = {"bytes": data, "path": "x.flac"} if nested else data
    table = pa.table({"audio": [audio, audio], "speaker": [3, None], "tags": [["a"], []]})
    parquet.write_table(table, tmp_path / "m.parquet")
    rows = read_rows(tokens(tmp_path / "m.parquet"))
    (outside,) = read_rows(tokens(clip, output="outside")).values()
    assert [row["codes"] for row in rows.values()] == [outside["codes"]] * 2
    assert [(row["speaker"], row["tags"]) for row in rows.values()] == [(3, ["a"]), (None, [])]


def test_webdataset_in(clip: Path, tmp_path: Path, tokens: Tokens) -> None:
    with tarfile.open(tmp_path / "m.tar", "w") as tar:
        for name, data in (
            ("a/1.flac", clip.read_bytes()),
            ("a/1.json", b'{"speaker": "x"}'),
            ("a/1.txt", b"hello\n"),
            ("a/2.flac", b"nothing"),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    folder = tokens(tmp_path / "m.tar")
    (row,) = read_rows(folder).values()
    assert (row["id"], row["text"], row["speaker"]) == (f"{tmp_path}/m.tar#a/1", "hello", "x")
    assert list(read_failures(folder)) == [f"{tmp_path}/m.tar#a/2"]


@pytest.mark.parametrize("name", ["m.parquet", "m.tar", "m.jsonl.gz"])
def test_a_damaged_manifest_is_one_line(
    name: str, nsvq: Any, tmp_path: Path, toy_checkpoint: Path
) -> None:
    (tmp_path / name).write_bytes(b"nothing of the kind")
    words = ("-o", tmp_path / "out", "--checkpoint", toy_checkpoint)
    result = nsvq("tokens", tmp_path / name, *words)
    assert result.exit_code == 1
    assert "can't be read as a manifest" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_column_by_name(clip: Path, tmp_path: Path, tokens: Tokens) -> None:
    (tmp_path / "m.csv").write_text(f"sound,audio\n{clip},other\n")
    (row,) = read_rows(tokens(tmp_path / "m.csv", "--audio-column", "sound")).values()
    assert (row["path"], row["audio"]) == (str(clip), "other")


def test_one_channel_of_two(tmp_path: Path, tokens: Tokens) -> None:
    import soundfile

    wave = 0.1 * np.random.default_rng(0).standard_normal((8_000, 2))
    soundfile.write(tmp_path / "two.wav", wave, 16_000)
    (tmp_path / "m.csv").write_text("path,channel\ntwo.wav,1\ntwo.wav,5\n")
    (tmp_path / "n.jsonl").write_text(json.dumps({"path": "two.wav", "id": "both"}))
    rows = read_rows(tokens(tmp_path / "m.csv", tmp_path / "n.jsonl"))
    one = rows[f"{tmp_path}/two.wav#channel1", 1]
    assert one["codes"] == rows["both", 1]["codes"] != rows["both", 0]["codes"]
