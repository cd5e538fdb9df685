"""Rows kept on disk under a hash of all they depend on, so that no score is computed twice."""

import dataclasses
import functools
import hashlib
import json
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import codec
from codec.errors import OutputError
from codec.output import new_file
from training.evaluation.plugins import is_plugin, plugin_identity
from training.evaluation.rows import Row

LIBRARIES = (
    "pesq", "pystoi", "scipy", "numpy", "soxr", "soundfile",
    "distillmos", "speechmos", "onnxruntime", "librosa", "visqol-python", "ai-edge-litert",
    "Resemblyzer", "pocketsphinx",
)  # fmt: skip
"""Packages whose version a figure may hang on."""
SOURCES = (
    "alignment", "clips", "decoded", "libopus", "lossy", "metric", "metrics", "ogg", "pauses",
    "peers", "pitch", "plugins", "programs", "runner", "spectral", "systems", "judges/distillmos",
    "judges/dnsmos", "judges/plcmos", "judges/quiet", "judges/speaker",
    "judges/visqol", "judges/words",
)  # fmt: skip
"""Files of this folder that a figure hangs on."""
CODEC_SOURCES = ("audio", "pcm", "resampling")
"""Files of `codec` that open, resample and write what every codec is given."""


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
        """Keep `row` under `key`. A failed row is not kept: it is tried again next time.

        Raises:
            OutputError: it can't be written.
        """
        if row.error:
            return
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{path.parent}: can't be made ({error.strerror})") from error
        with new_file(path, force=True) as file:  # another run may write the same row meanwhile
            file.write(json.dumps(row.to_dict()).encode())

    def wave_path(self, key: str) -> Path:
        """Where the decoded wave of the row under `key` may be kept."""
        return self._path(key).with_suffix(".flac")

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"


def row_key(clip_hash: str, identity: str, nominal_kbps: float, metrics: Sequence[str]) -> str:
    """Hash over a clip's bytes, a codec's identity, the bitrate, and what scores them."""
    names = [plugin_identity(name) if is_plugin(name) else name for name in sorted(metrics)]
    parts = [harness_hash(), clip_hash, identity, float(nominal_kbps), names]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@functools.cache
def harness_hash() -> str:
    """Hash of the code and the packages that make a row, so that a change of either is seen."""
    digest = hashlib.sha256()
    for package, names in ((__file__, SOURCES), (codec.__file__, CODEC_SOURCES)):
        for name in names:
            digest.update((Path(package).parent / f"{name}.py").read_bytes())
    digest.update(repr([(name, package_version(name)) for name in LIBRARIES]).encode())
    return digest.hexdigest()


def package_version(package: str) -> str:
    """Its version, or that it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "(not installed)"
