"""What is written: rows, shards, failures; and that a later run completes an earlier one."""

import errno
import json
import os
import shutil
import tarfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from app.tokens.formats import FORMATS
from app.tokens.shards import ShardWriter
from codec import Codec, ffmpeg
from codec.audio import read_audio
from tests.app.conftest import Nsvq
from tests.app.tokens.conftest import read_failures, read_rows
from tests.conftest import forbid

Tokens = Callable[..., Path]


def test_rows_decode_to_what_the_nsvq_files_decode_to(
    clips: list[Path], toy_checkpoint: Path, tokens: Tokens
) -> None:
    codec = Codec.load(toy_checkpoint)
    rows = read_rows(tokens(*clips))
    for clip in clips:
        wave, rate = read_audio(clip)
        expected, _ = codec.decompress(codec.compress(wave, rate))
        for channel, samples in enumerate(expected):
            row = rows[str(clip), channel]
            codes = np.array(row["codes"], np.uint16)
            assert (row["sample_rate"], row["seconds"]) == (rate, wave.shape[1] / rate)
            assert codes.shape[0] == row["num_stages"] == 4
            if rate == codec.config.sample_rate:
                length = round(row["seconds"] * rate)
                assert np.array_equal(codec.decode(codes[None], length)[0], samples)


def test_failures_have_reasons_and_do_not_end_the_run(corpus: Path, tokens: Tokens) -> None:
    folder = tokens(corpus, "--shard-mb", 0.001)
    assert len({id_ for id_, _ in read_rows(folder)}) == 40
    assert len(read_rows(folder)) == 46
    assert len(list(folder.glob("tokens-*.parquet"))) > 3
    reasons = read_failures(folder)
    assert len(reasons) == 3
    assert all(Path(id_).name in reason for id_, reason in reasons.items())


def test_nothing_in_a_folder_is_passed_over_without_a_word(
    clip: Path, tmp_path: Path, tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "in"
    (folder / "secret").mkdir(parents=True)
    shutil.copy(clip, folder / "a.flac")
    (folder / "b.m4a").write_bytes(b"for ffmpeg")
    os.mkfifo(folder / "c.wav")
    forbid(folder / "secret", monkeypatch)
    monkeypatch.setattr(ffmpeg, "have_ffmpeg", lambda: False)
    out = tokens(folder)
    assert [id_ for id_, _ in read_rows(out)] == [str(folder / "a.flac")]
    assert read_failures(out) == {
        str(folder / "b.m4a"): ffmpeg.missing_ffmpeg(folder / "b.m4a"),
        str(folder / "c.wav"): f"{folder}/c.wav: not a regular file",
        str(folder / "secret"): f"{folder}/secret: folder can't be read (Permission denied)",
    }


def test_a_pipe_given_by_name_is_not_waited_for(clip: Path, tmp_path: Path, tokens: Tokens) -> None:
    pipe = tmp_path / "p.wav"
    os.mkfifo(pipe)
    assert read_failures(tokens(clip, pipe)) == {str(pipe): f"{pipe}: not a regular file"}


def test_a_recording_cut_short_is_coded_and_told(
    tmp_path: Path, nsvq: Nsvq, toy_checkpoint: Path
) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros(8_000), 16_000)
    path.write_bytes(path.read_bytes()[:8_000])
    words = ("-o", tmp_path / "out", "--checkpoint", toy_checkpoint, "--jobs", 0)
    result = nsvq("tokens", path, *words)
    assert (result.exit_code, len(read_rows(tmp_path / "out"))) == (0, 1)
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"nsvq: {path}: cut short?")


def test_a_second_run_does_what_is_left(
    corpus: Path, tokens: Tokens, nsvq: Nsvq, toy_checkpoint: Path
) -> None:
    whole = read_rows(tokens(corpus, output="whole"))
    for _ in range(4):
        folder = tokens(corpus, "--limit", 15)
    assert read_rows(folder) == whole
    shards = {path: path.stat().st_mtime_ns for path in folder.glob("tokens-*")}
    words = ("-o", folder, "--checkpoint", toy_checkpoint, "--jobs", 0, "--json")
    told = json.loads(nsvq("tokens", corpus, *words).stdout)
    assert (told["done_before"], told["coded"], told["failed"]) == (40, 0, 3)
    assert {path: path.stat().st_mtime_ns for path in folder.glob("tokens-*")} == shards


def test_a_mended_recording_leaves_the_list_of_failures(tmp_path: Path, tokens: Tokens) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.wav").write_bytes(b"broken")
    soundfile.write(tmp_path / "in" / "b.wav", np.zeros(4_000), 16_000)
    assert len(read_failures(tokens(tmp_path / "in"))) == 1
    soundfile.write(tmp_path / "in" / "a.wav", np.zeros(4_000), 16_000)
    folder = tokens(tmp_path / "in")
    assert not (folder / "failures.parquet").exists()
    assert len(read_rows(folder)) == 2


def test_shards_of_another_run_are_refused(
    corpus: Path, tokens: Tokens, nsvq: Nsvq, other_checkpoint: Path, toy_checkpoint: Path
) -> None:
    folder = tokens(corpus, "--limit", 2)
    for words in (
        ("--checkpoint", other_checkpoint),
        ("--checkpoint", toy_checkpoint, "--stages", 2),
    ):
        result = nsvq("tokens", corpus, "-o", folder, *words)
        assert result.exit_code == 1
        assert "give another --output" in result.stderr
    (folder / "tokens-000001.parquet").write_bytes(b"PAR1")
    result = nsvq("tokens", corpus, "-o", folder, "--checkpoint", toy_checkpoint)
    assert (result.exit_code, "remove it and run again" in result.stderr) == (1, True)


def test_two_runs_do_not_share_a_folder(
    corpus: Path, tmp_path: Path, nsvq: Nsvq, toy_checkpoint: Path
) -> None:
    from app.tokens.shards import locked

    with locked(tmp_path / "out"):
        result = nsvq("tokens", corpus, "-o", tmp_path / "out", "--checkpoint", toy_checkpoint)
    assert (result.exit_code, "another run" in result.stderr) == (1, True)


def test_nothing_could_be_coded(nsvq: Nsvq, tmp_path: Path, toy_checkpoint: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"broken")
    words = ("-o", tmp_path / "out", "--checkpoint", toy_checkpoint, "--jobs", 0)
    result = nsvq("tokens", tmp_path / "a.wav", *words)
    assert (result.exit_code, "failures.parquet" in result.stderr) == (1, True)


@pytest.mark.parametrize("format", ["webdataset", "npz"])
def test_other_formats_hold_the_same_and_go_on(format: str, corpus: Path, tokens: Tokens) -> None:
    expected = read_rows(tokens(corpus, output="parquet"))
    options = ("--format", format, "--shard-mb", 0.005)
    tokens(corpus, *options, "--limit", 20)
    folder = tokens(corpus, *options)
    found = {}
    for path in sorted(folder.glob("tokens-*")):
        rows = list(_npz(path) if format == "npz" else _webdataset(path))
        found |= {(row["id"], row["channel"]): row for row in rows}
    assert found.keys() == expected.keys()
    for key, row in found.items():
        assert row["codes"].dtype == np.uint16
        assert row["codes"].tolist() == expected[key]["codes"]
        assert row["seconds"] == expected[key]["seconds"]


def _npz(path: Path) -> Any:
    shard = np.load(path)
    for row, codes in zip(
        shard["rows"], np.split(shard["codes"], shard["ends"][:-1], axis=1), strict=True
    ):
        yield json.loads(str(row)) | {"codes": codes}


def _webdataset(path: Path) -> Any:
    with tarfile.open(path) as tar:
        for member in tar.getmembers():
            if member.name.endswith(".codes.npy"):
                number = member.name.partition(".")[0]
                row = json.loads(tar.extractfile(f"{number}.json").read())
                codes = np.load(BytesIO(tar.extractfile(member).read()))
                yield row | {"codes": codes}


def test_the_readers_in_the_docs_run(
    clips: list[Path], nsvq: Nsvq, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both snippets as they stand, on shards of the shipped weights."""
    clip = min(clips, key=lambda path: path.stat().st_size)
    monkeypatch.chdir(tmp_path)
    for format in ("parquet", "npz"):
        assert nsvq("tokens", clip, "-o", format, "--format", format, "--jobs", 0).exit_code == 0
        (shard,) = Path(format).glob("tokens-*")
        Path("TOKENS").mkdir(exist_ok=True)
        shard.rename(Path("TOKENS", shard.name))
    text = (Path(__file__).parents[3] / "docs" / "tokens.md").read_text()
    snippets = [part.partition("```")[0] for part in text.split("```python\n")[1:]]
    found: dict[str, Any] = {}
    exec(snippets[0], found)
    exec(snippets[1], found)
    wave, rate = read_audio(clip)
    expected = Codec.load().encode(wave, rate)
    assert found["wave"].shape == (1, round(wave.shape[1] / rate * 16_000))
    np.testing.assert_array_equal(found["row"]["codes"], expected[0])
    np.testing.assert_array_equal(found["codes"][0], expected[0])


def test_datasets_reads_the_shards_back_into_sound(
    clip: Path, tokens: Tokens, toy_checkpoint: Path, tmp_path: Path
) -> None:
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    folder = tokens(clip)
    files = str(folder / "tokens-*.parquet")
    table = datasets.load_dataset(
        "parquet", data_files=files, split="train", cache_dir=str(tmp_path / "cache")
    )
    row = table.with_format("numpy")[0]
    codec = Codec.load(toy_checkpoint)
    wave = codec.decode(np.asarray(row["codes"], np.int64)[None])
    expected, _ = codec.decompress(codec.compress(*read_audio(clip)))
    assert np.array_equal(wave[:, : expected.shape[1]], expected)


def test_a_saved_dataset_goes_in(clip: Path, tokens: Tokens, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    audio = {"bytes": clip.read_bytes(), "path": None}
    table = datasets.Dataset.from_dict({"audio": [audio], "text": ["hello"]})
    features = datasets.Features(
        {"audio": datasets.Audio(decode=False), "text": table.features["text"]}
    )
    table = table.cast(features)
    datasets.DatasetDict({"dev": table}).save_to_disk(str(tmp_path / "saved"))
    (row,) = read_rows(tokens(tmp_path / "saved")).values()
    (file,) = read_rows(tokens(clip, output="file")).values()
    assert (row["text"], row["split"], row["codes"]) == ("hello", "dev", file["codes"])


class FullDisk(BytesIO):
    """A file on a disk without space."""

    def write(self, data: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("format", FORMATS)
def test_a_full_disk_ends_the_run_with_one_line(
    format: str, corpus: Path, nsvq: Nsvq, tmp_path: Path, toy_checkpoint: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(ShardWriter, "_opened", lambda self: FullDisk())
    words = ("-o", tmp_path / "out", "--checkpoint", toy_checkpoint, "--jobs", 0)
    result = nsvq("tokens", corpus, *words, "--format", format)
    assert result.exit_code == 1
    assert "No space left" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not list((tmp_path / "out").glob("tokens-*"))
