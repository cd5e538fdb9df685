"""Shards on disk: one class a format, which writes a file and reads back whose rows it holds."""

import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from app.tokens.columns import Types, as_json, fitted

Row = dict[str, Any]
METADATA = "nsvq"
"""Key of a shard's own description: settings as JSON."""


class Shard(Protocol):
    """A shard that is being written."""

    def packed(self, rows: Sequence[Row]) -> Any:
        """Rows as `write` takes them; nothing is written yet.

        Raises:
            ValueError, TypeError, OverflowError: a value that the format can't hold.
        """

    def write(self, packed: Any) -> None:
        """Add what was packed."""

    def close(self) -> None:
        """Write what is left; the file is whole afterwards."""


class ParquetShard:
    """Rows as row groups of a Parquet file."""

    def __init__(self, file: BinaryIO, types: Types, num_stages: int, facts: Row) -> None:
        self._types = types
        self._num_stages = num_stages
        self._schema = schema(types, num_stages, facts)
        self._writer = parquet.ParquetWriter(file, self._schema, compression="zstd")

    def packed(self, rows: Sequence[Row]) -> pa.Table:
        """Rows as a table."""
        arrays = [
            codes_array([row["codes"] for row in rows], self._num_stages)
            if field.name == "codes"
            else pa.array([fitted(row.get(field.name), field.type) for row in rows], field.type)
            for field in self._schema
        ]
        return pa.Table.from_arrays(arrays, schema=self._schema)

    def write(self, packed: pa.Table) -> None:
        """Add a row group."""
        self._writer.write_table(packed)

    def close(self) -> None:
        """Write the footer."""
        self._writer.close()

    @staticmethod
    def read_ids(path: Path) -> tuple[Row, list[str]]:
        """The shard's description and the ids in it."""
        with parquet.ParquetFile(path) as file:
            metadata = file.schema_arrow.metadata or {}
            facts = json.loads(metadata.get(METADATA.encode(), b"{}"))
            return facts, file.read(columns=["id"]).column("id").to_pylist()


class WebDatasetShard:
    """Rows as `<number>.json` and `<number>.codes.npy` [Q, F] in a tar file."""

    def __init__(self, file: BinaryIO, types: Types, num_stages: int, facts: Row) -> None:
        self._tar = tarfile.TarFile(fileobj=file, mode="w", format=tarfile.PAX_FORMAT)
        self._count = 0
        self._add(f"{METADATA}.settings.json", _json(facts))

    def packed(self, rows: Sequence[Row]) -> list[tuple[bytes, bytes]]:
        """Contents of each row's members."""
        return [(_json(_rest(row)), _npy(row["codes"])) for row in rows]

    def write(self, packed: Sequence[tuple[bytes, bytes]]) -> None:
        """Add two members a row."""
        for rest, codes in packed:
            self._add(f"{self._count:09d}.json", rest)
            self._add(f"{self._count:09d}.codes.npy", codes)
            self._count += 1

    def close(self) -> None:
        """Write the end of the archive."""
        self._tar.close()

    def _add(self, name: str, data: bytes) -> None:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        self._tar.addfile(member, io.BytesIO(data))

    @staticmethod
    def read_ids(path: Path) -> tuple[Row, list[str]]:
        """The shard's description and the ids in it."""
        ids: list[str] = []
        facts: Row = {}
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                file = tar.extractfile(member) if member.name.endswith(".json") else None
                if file and member.name.startswith(METADATA):
                    facts = json.loads(file.read())
                elif file:
                    ids.append(json.loads(file.read())["id"])
        return facts, ids


class NpzShard:
    """All codes end to end in one array [Q, F], where each row's end, and the rest as JSON."""

    def __init__(self, file: BinaryIO, types: Types, num_stages: int, facts: Row) -> None:
        self._file = file
        self._facts = facts
        self._codes = [np.zeros((num_stages, 0), np.uint16)]
        self._rows: list[str] = []

    def packed(self, rows: Sequence[Row]) -> list[tuple[str, np.ndarray]]:
        """JSON and codes of each row."""
        return [(as_json(_rest(row)), row["codes"]) for row in rows]

    def write(self, packed: Sequence[tuple[str, np.ndarray]]) -> None:
        """Keep rows until the end; the format can't grow."""
        for rest, codes in packed:
            self._rows.append(rest)
            self._codes.append(codes)

    def close(self) -> None:
        """Write everything."""
        ends = np.cumsum([codes.shape[1] for codes in self._codes[1:]], dtype=np.int64)
        np.savez_compressed(
            self._file,
            codes=np.concatenate(self._codes, axis=1),
            ends=ends,
            rows=np.array(self._rows, dtype=np.str_),
            settings=np.array(as_json(self._facts)),
        )

    @staticmethod
    def read_ids(path: Path) -> tuple[Row, list[str]]:
        """The shard's description and the ids in it."""
        with np.load(path, allow_pickle=False) as arrays:
            facts = json.loads(str(arrays["settings"]))
            return facts, [json.loads(row)["id"] for row in arrays["rows"].tolist()]


def schema(types: Types, num_stages: int, facts: Row) -> pa.Schema:
    """Columns of a Parquet shard: this program's, then those carried along."""
    fields = {
        "id": pa.string(),
        "channel": pa.int32(),
        "path": pa.string(),
        "start_s": pa.float64(),
        "seconds": pa.float64(),
        "sample_rate": pa.int32(),
        "codes": pa.list_(pa.list_(pa.uint16()), num_stages),
        "num_stages": pa.int32(),
        "frame_rate": pa.float64(),
        "model_id": pa.string(),
        **types,
    }
    return pa.schema(list(fields.items()), metadata={METADATA: json.dumps(facts)})


def codes_array(codes: Sequence[np.ndarray], num_stages: int) -> pa.Array:
    """Codes as a column: a list of `num_stages` lists of uint16 for each row.

    Shape: codes [Q, F] each.

    >>> codes_array([np.array([[1, 2], [3, 4]], np.uint16)], 2).to_pylist()
    [[[1, 2], [3, 4]]]
    """
    lengths = np.repeat([array.shape[1] for array in codes], num_stages)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    values = np.concatenate([np.zeros(0, np.uint16), *(array.ravel() for array in codes)])
    stages = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(values))
    return pa.FixedSizeListArray.from_arrays(stages, num_stages)


def _rest(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != "codes"}


def _json(row: Row) -> bytes:
    return as_json(row).encode()


def _npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


FORMATS: dict[str, tuple[str, Any]] = {
    "parquet": (".parquet", ParquetShard),
    "webdataset": (".tar", WebDatasetShard),
    "npz": (".npz", NpzShard),
}
"""Suffix and class, by the name that `--format` takes."""
