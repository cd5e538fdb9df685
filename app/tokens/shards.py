"""The output folder: whole shards or none, what is done already, and failures.

OUT/tokens-000000.parquet ...          whole shards
OUT/.tokens-000007.parquet.partial     being written; a later run throws it away
OUT/failures.parquet                   recordings that could not be coded, if any
OUT/.lock                              held while a run writes here
"""

import fcntl
import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
from pyarrow import parquet

from app.tokens.columns import Types, writable
from app.tokens.formats import FORMATS, Row, Shard
from app.tokens.recording import Outcome
from app.tokens.sources import fingerprint
from codec.errors import OutputError

FAILURES = "failures.parquet"
ROWS_TOGETHER = 1_000
BYTES_TOGETHER = 8_000_000
"""Rows and bytes of codes that are written at once."""
_UNFIT = (ValueError, TypeError, OverflowError, pa.ArrowException)
"""What a value raises that its column can't hold."""
_FAILURE_SCHEMA = pa.schema(
    [("id", pa.string()), ("path", pa.string()), ("start_s", pa.float64()), ("reason", pa.string())]
)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold `folder`, made if missing, so that no other run writes into it.

    Raises:
        OutputError: another run does, or it can't be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / ".lock").open("a")
    except OSError as error:
        raise OutputError(f"{folder}: can't be written ({error.strerror})") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise OutputError(f"{folder}: another run is writing there") from error
        yield


def read_done(folder: Path, facts: Row) -> tuple[set[bytes], int]:
    """Fingerprints of the ids in `folder`'s shards, and the number of shards.

    Args:
        facts: this run's settings, which those of the shards must equal.

    Raises:
        OutputError: a damaged shard, or one with other settings.
    """
    done: set[bytes] = set()
    paths = shard_paths(folder)
    for path in paths:
        try:
            found, ids = FORMATS[_format_of(path)][1].read_ids(path)
        except Exception as error:  # three libraries, each with errors of its own
            raise OutputError(
                f"{path}: damaged ({' '.join(str(error).split())}); remove it and run again"
            ) from error
        for name, value in facts.items():
            if found.get(name) != value:
                raise OutputError(
                    f"{path}: has {name} {found.get(name)}, this run {value}; give another --output"
                )
        done.update(map(fingerprint, ids))
    return done, len(paths)


def shard_paths(folder: Path) -> list[Path]:
    """Whole shards in `folder`, of any format, in order."""
    suffixes = {suffix for suffix, _ in FORMATS.values()}
    return sorted(path for path in folder.glob("tokens-*") if path.suffix in suffixes)


class ShardWriter:
    """Rows into shards, and a list of failures. Nothing is visible before it is whole."""

    def __init__(
        self, folder: Path, *, format: str, types: Types, facts: Row, shard_bytes: float
    ) -> None:
        self.num_rows = 0
        self.num_shards = 0
        self.num_bytes = 0
        self.failures: list[Outcome] = []
        self._folder, self._types, self._facts = folder, types, facts
        self._suffix, self._kind = FORMATS[format]
        self._shard_bytes = shard_bytes
        self._shard: Shard | None = None
        self._file: BinaryIO | None = None
        self._waiting: list[Outcome] = []
        self._waiting_rows = self._waiting_bytes = self._held_bytes = 0
        self._shard_rows = 0
        self._broken = False
        for stale in folder.glob(".tokens-*.partial"):
            stale.unlink()
        taken = [int(path.stem.partition("-")[2]) for path in shard_paths(folder)]
        self._next = max(taken, default=-1) + 1

    def add(self, outcome: Outcome) -> bool:
        """Take the rows of one recording, which stay in one shard, or its failure.

        Returns whether a shard was finished.
        """
        if outcome.error:
            self.failures.append(outcome)
            return False
        self._waiting.append(outcome)
        self._waiting_rows += len(outcome.rows)
        self._waiting_bytes += sum(row["codes"].nbytes for row in outcome.rows)
        together = min(BYTES_TOGETHER, self._shard_bytes / 4)
        if self._waiting_rows >= ROWS_TOGETHER or self._waiting_bytes >= together:
            self._flush()
        if self._file is not None and self._size() >= self._shard_bytes:
            self.finish()
            return True
        return False

    def finish(self) -> None:
        """Make what was taken so far a whole shard."""
        if self._broken:
            self._abandon()
            return
        self._flush()
        if self._shard is None or self._file is None:
            return
        if not self._shard_rows:
            with self._unbroken(self._folder):
                self._shard.close()
            self._abandon()
            return
        final = self._folder / f"tokens-{self._next:06d}{self._suffix}"
        with self._unbroken(final):
            self._shard.close()
            self._file.flush()
            os.fsync(self._file.fileno())
            self.num_bytes += self._file.seek(0, os.SEEK_END)
            self._file.close()
            self._partial().rename(final)
        self._shard = self._file = None
        self._held_bytes = self._shard_rows = 0
        self._next += 1
        self.num_shards += 1

    def _flush(self) -> None:
        if not self._waiting:
            return
        with self._unbroken(self._folder):
            if self._shard is None:
                self._file = self._opened()
                num_stages = self._facts["num_stages"]
                self._shard = self._kind(self._file, self._types, num_stages, self._facts)
            self._write(self._shard, self._waiting)
        self._held_bytes += self._waiting_bytes
        self._waiting, self._waiting_rows, self._waiting_bytes = [], 0, 0

    def _write(self, shard: Shard, outcomes: list[Outcome]) -> None:
        """Write all rows, but for recordings with a value that does not fit: these failed."""
        rows = [row for outcome in outcomes for row in outcome.rows]
        try:
            packed = shard.packed(rows)
        except _UNFIT as error:
            half = len(outcomes) // 2
            if half:
                self._write(shard, outcomes[:half])
                self._write(shard, outcomes[half:])
            else:
                reason = f"its row can't be written ({' '.join(str(error).split())})"
                self.failures += [replace(one, rows=(), error=reason) for one in outcomes]
            return
        shard.write(packed)
        self.num_rows += len(rows)
        self._shard_rows += len(rows)

    @contextmanager
    def _unbroken(self, path: Path) -> Iterator[None]:
        """After an error, such as a full disk, nothing more is written: rows may be there twice."""
        self._broken = True
        with _told(path):
            yield
            self._broken = False

    def _abandon(self) -> None:
        """Remove the shard that could not be written."""
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            with suppress(OSError):
                self._partial().unlink(missing_ok=True)
        self._shard = self._file = None
        self._held_bytes = self._shard_rows = 0

    def _size(self) -> int:
        """Bytes of the open shard: in the file, or in memory with a format that can't grow."""
        assert self._file is not None
        return self._file.tell() or self._held_bytes

    def _opened(self) -> BinaryIO:
        return self._partial().open("x+b")

    def _partial(self) -> Path:
        return self._folder / f".tokens-{self._next:06d}{self._suffix}.partial"


@contextmanager
def signals_later() -> Iterator[None]:
    """Ctrl-C and SIGTERM wait until the block has ended, so that none cuts a write in two."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []
    before = {
        number: signal.signal(number, lambda number, frame: arrived.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if arrived:
            signal.raise_signal(arrived[0])


def write_failures(folder: Path, failures: list[Outcome]) -> None:
    """Replace the list of failures; without any, there is no such file."""
    final = folder / FAILURES
    if not failures:
        final.unlink(missing_ok=True)
        return
    rows = [
        {
            "id": writable(one.id),
            "path": writable(one.path),
            "start_s": one.start_s,
            "reason": writable(one.error),
        }
        for one in failures
    ]
    partial = folder / f".{FAILURES}.partial"
    with _told(final):
        parquet.write_table(pa.Table.from_pylist(rows, schema=_FAILURE_SCHEMA), partial)
        partial.replace(final)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Errors of the disk as one line about `path`."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"{path}: can't be written ({error.strerror or error})") from error


def _format_of(path: Path) -> str:
    return next(name for name, (suffix, _) in FORMATS.items() if suffix == path.suffix)


def run_facts(settings: Any) -> Row:
    """What every shard of a folder must agree on."""
    facts = {
        "model_id": settings.model_id,
        "num_stages": settings.num_stages,
        "effort": settings.effort,
    }
    return dict(json.loads(json.dumps(facts)))
