"""Inputs of a run: folders, globs, audio files and manifests, as one stream of recordings.

The stream is made anew each time it is asked for and in the same order, so that a run over
millions of recordings holds only their fingerprints.
"""

import glob
import hashlib
import os
import tarfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from app.tokens.columns import Types, carried_name, merge_types, type_of, writable
from app.tokens.manifests import READERS, Fault, dataset_splits, manifest_kind
from app.tokens.recording import Recording
from codec.errors import AudioError
from codec.folders import files_below
from codec.formats import ALL, suffix_of

AUDIO_COLUMNS = ("audio", "path", "audio_path", "audio_filepath", "file", "wav", "filename")
"""Names under which the audio is looked for, first found first taken."""
START_COLUMNS = ("start_s", "offset", "start")
LENGTH_COLUMNS = ("seconds", "duration")
_UNREADABLE = (OSError, EOFError, UnicodeError, zlib.error, tarfile.TarError, pa.ArrowException)


@dataclass(frozen=True)
class Survey:
    """What an input holds, found before any audio is read."""

    num_recordings: int
    types: Types
    """Of the columns that are carried along."""


class Sources:
    """All inputs of a run."""

    def __init__(
        self, inputs: Sequence[str], audio_column: str | None = None, root: Path | None = None
    ) -> None:
        """Find the files behind `inputs`; patterns like `data/*.parquet` are expanded.

        Args:
            audio_column: the manifests' column with the audio; looked for if None.
            root: folder that relative paths in a manifest start from; the manifest's own if None.

        Raises:
            AudioError: an input that isn't there, or a pattern that nothing matches.
        """
        self.places = list(dict.fromkeys(place for name in inputs for place in _expanded(name)))
        self._audio_column = audio_column
        self._root = root

    def survey(self) -> Survey:
        """Number of recordings (doubles included) and types of the columns carried along."""
        count, types = 0, Types()
        for place in self.places:
            kind = manifest_kind(place)
            if not kind:
                count += sum(1 for _ in _found_at(place))
                continue
            try:
                found = self._survey_manifest(place, kind)
            except _UNREADABLE as error:
                raise _unreadable(place, error) from error
            count += found.num_recordings
            merge_types(types, found.types)
        return Survey(count, types)

    def recordings(self) -> Iterator[Recording]:
        """Every recording once; a manifest's row whose id was used before comes with a fault.

        A file that several folders or patterns lead to is the same recording and comes once.
        """
        seen: set[bytes] = set()
        for place in self.places:
            kind = manifest_kind(place)
            for recording in self._recordings_of(place, kind):
                mark = fingerprint(recording.id)
                if mark not in seen:
                    seen.add(mark)
                    yield recording
                elif kind:
                    yield replace(recording, fault="its id is used twice; the first one counts")

    def _recordings_of(self, place: Path, kind: str) -> Iterator[Recording]:
        if not kind:
            for path, fault in _found_at(place):
                yield Recording(writable(str(path)), str(path), fault=fault)
            return
        try:
            for number, row in enumerate(READERS[kind](place, True)):
                recording = self._recording(place, number, row)
                yield replace(recording, id=writable(recording.id))
        except _UNREADABLE as error:
            raise _unreadable(place, error) from error

    def _survey_manifest(self, place: Path, kind: str) -> Survey:
        if kind == ".parquet":
            from pyarrow import parquet

            with parquet.ParquetFile(place) as file:
                fields = file.schema_arrow
                return Survey(file.metadata.num_rows, self._carried_types(fields, place))
        if kind == "dataset":
            count, types = 0, Types()
            for split, dataset in dataset_splits(place):
                count += len(dataset)
                merge_types(types, self._carried_types(dataset.features.arrow_schema, place))
                merge_types(types, {"split": pa.string()} if split else {})
            return Survey(count, types)
        count, types = 0, Types()
        for number, row in enumerate(READERS[kind](place, False)):
            count += 1
            columns = self._recording(place, number, row).columns
            merge_types(types, {name: type_of(value) for name, value in columns.items()})
        return Survey(count, types)

    def _carried_types(self, schema: pa.Schema, place: Path) -> Types:
        audio = self._audio_name(schema.names, place)
        used = _used_names(schema.names, audio)
        return {carried_name(f.name): f.type for f in schema if f.name not in used}

    def _audio_name(self, names: Sequence[str], place: Path) -> str:
        wanted = (self._audio_column,) if self._audio_column else AUDIO_COLUMNS
        for name in wanted:
            if name in names:
                return name
        raise AudioError(
            f"{place}: no column {' or '.join(wanted)} in {', '.join(names)}; name the one with "
            "the audio by --audio-column"
        )

    def _recording(self, place: Path, number: int, row: Mapping[str, Any] | Fault) -> Recording:
        """What a manifest's row asks for."""
        if isinstance(row, Fault):
            return Recording(row.place, row.place, fault=row.reason)
        where = f"{place}#{row.get('__key__', number)}"
        try:
            audio_name = self._audio_name(list(row), place)
            start, seconds = _span(row)
            channel = _channel(row.get("channel"))
            path, data = self._audio(row[audio_name], place)
        except AudioError as error:
            return Recording(where, where, fault=str(error))
        except (TypeError, ValueError, OverflowError) as error:
            return Recording(where, where, fault=f"start or length is not a number ({error})")
        if path is None and data is None:
            return Recording(where, where, fault=f"nothing to read in column {audio_name!r}")
        used = _used_names(list(row), audio_name)
        columns = {carried_name(name): row[name] for name in row if name not in used}
        default = where if data is not None else f"{path}{_part(start, seconds, channel)}"
        id_ = row.get("id")
        return Recording(
            default if id_ in (None, "") else str(id_),
            path or where,
            data,
            start or 0.0,
            seconds,
            channel,
            columns,
        )

    def _audio(self, value: Any, place: Path) -> tuple[str | None, bytes | None]:
        """Path and bytes of an audio column's value, either of which may be missing."""
        if isinstance(value, Mapping):
            data, path = value.get("bytes"), value.get("path")
            if isinstance(data, bytes):
                return path if isinstance(path, str) else None, data
            value = path
        if isinstance(value, bytes | bytearray | memoryview):
            return None, bytes(value)
        if not isinstance(value, str) or not value:
            return None, None
        folder = self._root if self._root is not None else place.parent
        path = os.fspath(folder / value)
        if not _is_name(path):
            raise AudioError(f"no file can have the name {path!r}")
        return path, None


def _is_name(path: str) -> bool:
    """Whether a file can be called so; not with a surrogate or a zero byte in its name."""
    try:
        return b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        return False


def fingerprint(id_: str) -> bytes:
    """Sixteen bytes that stand for an id."""
    return hashlib.blake2b(id_.encode(), digest_size=16).digest()


def _span(row: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """Start and length of the part a row asks for; None, None for the whole recording."""
    start = next((row[name] for name in START_COLUMNS if row.get(name) not in (None, "")), None)
    if start is None:
        return None, None
    length = next((row[name] for name in LENGTH_COLUMNS if row.get(name) not in (None, "")), None)
    return float(start), None if length is None else float(length)


def _channel(value: Any) -> int | None:
    """A channel's number, which CSV gives as text and pandas as a float; None: all channels.

    Raises:
        AudioError: anything else.
    """
    text = "" if value is None else str(value).strip()
    if not text:
        return None
    with suppress(ValueError):
        number = float(text)
        if number >= 0 and number.is_integer():
            return int(number)
    raise AudioError(f"channel is {value!r}; expected a whole number from 0 or nothing")


def _part(start: float | None, seconds: float | None, channel: int | None) -> str:
    """The part of a recording that a row asks for, as an id without a name of its own ends.

    >>> _part(0.5, 1.0, None), _part(12345.62, None, 1), _part(None, None, None)
    ('#0.5+1', '#12345.62+0#channel1', '')
    """
    part = "" if start is None else f"#{_shortest(start)}+{_shortest(seconds or 0.0)}"
    return part if channel is None else f"{part}#channel{channel}"


def _shortest(number: float) -> str:
    """All of `number`, and without ".0" where ids have always been so."""
    short = f"{number:g}"
    return short if float(short) == number else repr(number)


def _used_names(names: Sequence[str], audio: str) -> set[str]:
    """Columns that this program takes for itself; the others are carried along."""
    used = {audio, "id", "channel", "__key__"}
    starts = [name for name in START_COLUMNS if name in names]
    if starts:
        used |= {starts[0], *[name for name in LENGTH_COLUMNS if name in names][:1]}
    return used


def _expanded(name: str) -> list[Path]:
    path = Path(name)
    if path.exists():
        return [path]
    if glob.has_magic(name):
        found = sorted(Path(match) for match in glob.glob(name, recursive=True))  # noqa: PTH207
        if found:
            return found
        raise AudioError(f"{name}: nothing matches")
    raise AudioError(f"{name}: no such file or folder")


def _found_at(place: Path) -> Iterator[tuple[Path, str]]:
    """`place`, or the recordings below it that are not hidden; with each, why it can't be read.

    Folders below it that can't be looked into come last.
    """
    if not place.is_dir():
        yield place, _special(place)
        return
    unread: dict[Path, str] = {}
    for path in files_below(place, unread.__setitem__, hidden=False):
        if suffix_of(path) in ALL:
            yield path, _special(path)
    yield from ((folder, f"{folder}: {reason}") for folder, reason in unread.items())


def _special(path: Path) -> str:
    """Why a pipe or a device is no recording: it would be waited for, and read once only."""
    return f"{path}: not a regular file" if path.exists() and not path.is_file() else ""


def _unreadable(place: Path, error: Exception) -> AudioError:
    return AudioError(f"{place}: can't be read as a manifest ({error})")
