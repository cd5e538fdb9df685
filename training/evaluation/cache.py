"""Rows kept on disk under a hash of all they depend on, so that no score is computed twice."""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from training.evaluation.rows import Row

HARNESS = 1
"""Raised whenever the same clip and codec would come out with another figure."""


class Cache:
    """A folder of rows, one small JSON file each; a file is there whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self, key: str, row: Row) -> Row | None:
        """The row under `key`, with the names of `row`; None if there is none."""
        try:
            values = json.loads(self._path(key).read_text(encoding="utf-8"))
            return dataclasses.replace(
                Row(**values), system=row.system, nominal_kbps=row.nominal_kbps, clip=row.clip
            )
        except (OSError, ValueError, TypeError):
            return None

    def save(self, key: str, row: Row) -> None:
        """Keep `row` under `key`. A failed row is not kept: it is tried again next time."""
        if row.error:
            return
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(row.to_dict()), encoding="utf-8")
        partial.replace(path)

    def wave_path(self, key: str) -> Path:
        """Where the decoded wave of the row under `key` may be kept."""
        return self._path(key).with_suffix(".flac")

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"


def row_key(clip_hash: str, identity: str, nominal_kbps: float, metrics: Sequence[str]) -> str:
    """Hash over a clip's bytes, a codec's identity, the bitrate, and what scores them."""
    libraries = [(name, _version(name)) for name in ("pesq", "pystoi", "numpy")]
    parts = [HARNESS, clip_hash, identity, float(nominal_kbps), sorted(metrics), libraries]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
