"""Rows of manifests: one reader a format, each giving plain dicts.

A reader gives `Fault` for a row that can't be read; the recording behind it fails, the run goes on.
"""

import base64
import csv
import gzip
import json
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from codec.errors import AudioError
from codec.formats import LIBSNDFILE

Row = dict[str, Any]


@dataclass(frozen=True)
class Fault:
    """A row that can't be read."""

    place: str
    reason: str


Reader = Callable[[Path, bool], Iterator[Row | Fault]]
"""From a manifest and whether audio bytes are wanted, to its rows."""


def _csv_rows(path: Path, with_audio: bool) -> Iterator[Row | Fault]:
    delimiter = "\t" if ".tsv" in path.suffixes else ","
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file, delimiter=delimiter, strict=True)
        while True:
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Fault(f"{path}#line {reader.line_num}", f"not a row of CSV ({error})")
                continue
            if None in row or None in row.values():
                yield Fault(
                    f"{path}#line {reader.line_num}",
                    f"another number of columns than the {len(reader.fieldnames or ())} above",
                )
                continue
            yield dict(row)


def _json_rows(path: Path, with_audio: bool) -> Iterator[Row | Fault]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            place = f"{path}#line {number}"
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                yield Fault(place, f"not JSON ({error})")
                continue
            if not isinstance(row, dict):
                yield Fault(place, "not a JSON object")
            elif "recording" in row and "duration" in row:
                yield _lhotse_row(row, place)
            else:
                yield row


def _lhotse_row(cut: Row, place: str) -> Row | Fault:
    """A Lhotse cut of one track, as a row."""
    try:
        recording = cut["recording"]
        (source,) = recording["sources"]
        if source["type"] not in ("file", "memory"):
            return Fault(place, f"audio from {source['type']!r}; expected a file or bytes in it")
        row = {"id": cut["id"], "audio": source["source"]}
        if source["type"] == "memory":
            row["audio"] = base64.b64decode(source["source"])
        if cut["start"] != 0 or abs(cut["duration"] - recording["duration"]) > 1e-3:
            row |= {"start_s": cut["start"], "seconds": cut["duration"]}
        channel = cut.get("channel", 0)
        if isinstance(channel, int) and len(source.get("channels", [0])) > 1:
            row["channel"] = channel
        return _lhotse_columns(cut) | row
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return Fault(place, f"not a cut with one recording ({type(error).__name__}: {error})")


def _lhotse_columns(cut: Row) -> Row:
    """What a cut says of its words and speaker, and its custom fields."""
    supervisions = cut.get("supervisions") or []
    row: Row = {}
    for name in ("text", "speaker", "language"):
        row[name] = supervisions[0].get(name) if len(supervisions) == 1 else None
    if len(supervisions) > 1:
        row["supervisions"] = supervisions
    return row | (cut.get("custom") or {})


def _parquet_rows(path: Path, with_audio: bool) -> Iterator[Row | Fault]:
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=64):
            yield from batch.to_pylist()


def _tar_rows(path: Path, with_audio: bool) -> Iterator[Row | Fault]:
    """Samples of a WebDataset shard: members next to each other with the same name, in one row."""
    row: Row = {}
    with tarfile.open(path, "r:*") as tar:
        for member in tar:
            if not member.isfile():
                continue
            folder, name = PurePosixPath(member.name).parent, PurePosixPath(member.name).name
            stem, _, suffix = name.partition(".")
            key = str(folder / stem)
            if row and row["__key__"] != key:
                yield row
                row = {}
            row["__key__"] = key
            wanted = with_audio or f".{suffix.lower()}" not in LIBSNDFILE
            _add_member(row, suffix.lower(), _content(tar, member) if wanted else b"")
    if row:
        yield row


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    return file.read() if file else b""


def _add_member(row: Row, suffix: str, data: bytes) -> None:
    if f".{suffix}" in LIBSNDFILE:
        row["audio"] = data
    elif suffix == "json":
        try:
            found = json.loads(data)
        except (ValueError, RecursionError):
            found = {"json": data.decode(errors="replace")}
        own = {name: row[name] for name in ("__key__", "audio") if name in row}
        row |= (found if isinstance(found, dict) else {"json": found}) | own
    elif suffix == "txt":
        row["text"] = data.decode(errors="replace").strip()


def _dataset_rows(path: Path, with_audio: bool) -> Iterator[Row | Fault]:
    """Rows of a folder that Hugging Face `datasets` saved, splits one after the other."""
    for split, dataset in dataset_splits(path):
        for row in dataset:
            yield row | ({"split": split} if split else {})


def dataset_splits(path: Path) -> Iterator[tuple[str, Any]]:
    """Each split's name and dataset, audio left as bytes and path; one without a name if no splits.

    Raises:
        AudioError: `datasets` is missing, or can't load it.
    """
    try:
        import datasets
    except ModuleNotFoundError as error:
        raise AudioError(f"{path}: needs the package datasets (pip install datasets)") from error
    try:
        loaded = datasets.load_from_disk(str(path))
    except Exception as error:
        raise AudioError(f"{path}: can't be loaded by datasets ({error})") from error
    splits = loaded.items() if isinstance(loaded, dict) else [("", loaded)]
    for split, dataset in splits:
        for name, feature in dataset.features.items():
            if isinstance(feature, datasets.Audio):
                dataset = dataset.cast_column(name, datasets.Audio(decode=False))  # noqa: PLW2901
        yield split, dataset


def is_dataset(path: Path) -> bool:
    """Whether `path` is a folder that `datasets` saved."""
    return (path / "dataset_dict.json").is_file() or (
        (path / "dataset_info.json").is_file() and (path / "state.json").is_file()
    )


READERS: dict[str, Reader] = {
    ".csv": _csv_rows,
    ".tsv": _csv_rows,
    ".jsonl": _json_rows,
    ".jsonl.gz": _json_rows,
    ".parquet": _parquet_rows,
    ".tar": _tar_rows,
    "dataset": _dataset_rows,
}
"""By suffix; "dataset" is a folder that `datasets` saved."""


def manifest_kind(path: Path) -> str:
    """The key of READERS for `path`; empty if it is no manifest."""
    if path.is_dir():
        return "dataset" if is_dataset(path) else ""
    for suffix in READERS:
        if path.name.lower().endswith(suffix) and suffix.startswith("."):
            return suffix
    return ""
