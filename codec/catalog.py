"""The checkpoints at hand and what they hold, without torch: `nsvq info` stays instant."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from codec.config import ModelConfig, without_retired
from codec.errors import CheckpointError, ConfigError

FORMAT = "nsvq-checkpoint-1"
ID_BYTES = 8
SUFFIX = ".safetensors"
FOLDER = Path(__file__).resolve().parent.parent / "checkpoints"
"""Where shipped checkpoints lie, in a source tree as in an installation."""
DEFAULT = "speech-16k"
"""The checkpoint that the name "default" means."""


@dataclass(frozen=True)
class CheckpointInfo:
    """What a checkpoint holds."""

    path: Path
    model_id: bytes
    """Eight bytes that name the weights in coded files."""
    config: ModelConfig
    metadata: dict[str, str]
    """What its maker wrote into its header, without format and config."""
    num_parameters: int

    @property
    def name(self) -> str:
        """The file's name without its suffix."""
        return self.path.stem


def shipped_checkpoints() -> list[Path]:
    """The checkpoints that come with the program, sorted by name."""
    return sorted(FOLDER.glob(f"*{SUFFIX}"))


def find_checkpoint(name: str | Path = "default") -> Path:
    """The file that `name` means: "default", the name of a shipped checkpoint, or a path.

    Raises:
        CheckpointError: there is no such file.
    """
    try:
        return _find(Path(name), str(name))
    except OSError as error:
        raise CheckpointError(f"{name}: can't be read ({error.strerror})") from error


def _find(path: Path, name: str) -> Path:
    if name == path.name:
        shipped = FOLDER / f"{DEFAULT if path.name == 'default' else path.name}{SUFFIX}"
        if shipped.is_file():
            return shipped
    if path.is_dir():
        raise CheckpointError(f"{path}: is a folder; expected a {SUFFIX} file")
    if not path.is_file():
        known = ", ".join(shipped.stem for shipped in shipped_checkpoints()) or "none"
        raise CheckpointError(
            f"no checkpoint {name!r}: not a file, and not one of those at hand ({known})"
        )
    return path


def describe_checkpoint(path: str | Path) -> CheckpointInfo:
    """What the checkpoint at `path` holds.

    Raises:
        CheckpointError: see `read_checkpoint`.
    """
    tensors, config, header = read_checkpoint(path)
    metadata = {name: value for name, value in header.items() if name not in ("format", "config")}
    num_parameters = sum(value.size for value in tensors.values())
    return CheckpointInfo(
        Path(path), model_id(header["config"], tensors), config, metadata, num_parameters
    )


def read_checkpoint(
    path: str | Path,
) -> tuple[dict[str, np.ndarray], ModelConfig, dict[str, str]]:
    """The tensors (float16), the config and the whole header of the checkpoint at `path`.

    Raises:
        CheckpointError: not a checkpoint of this project, damaged, or with a config that isn't
            valid here.
    """
    try:
        with safe_open(path, framework="np") as file:
            header = dict(file.metadata() or {})
            config = _config(header, path)
            names = sorted(file.keys())
            return {name: file.get_tensor(name) for name in names}, config, header
    except (SafetensorError, OSError, TypeError) as error:
        raise CheckpointError(f"{path}: can't be read as a checkpoint ({error})") from error


def model_id(config: str, tensors: Mapping[str, np.ndarray]) -> bytes:
    """SHA-256 over config and weights, cut to `ID_BYTES` bytes.

    Args:
        config: the header's, in JSON.
    """
    settings = json.dumps(without_retired(json.loads(config)), sort_keys=True)
    digest = hashlib.sha256(settings.encode())
    for name in sorted(tensors):
        value = tensors[name]
        digest.update(f"{name}{value.shape}torch.{value.dtype}".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    return digest.digest()[:ID_BYTES]


def _config(header: Mapping[str, str], path: str | Path) -> ModelConfig:
    if header.get("format") != FORMAT:
        raise CheckpointError(
            f"{path}: not a checkpoint of this project "
            f"(format {header.get('format')!r}, expected {FORMAT!r})"
        )
    if "config" not in header:
        raise CheckpointError(f"{path}: its header holds no config")
    try:
        values = json.loads(header["config"])
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: its config is not JSON ({error})") from error
    if not isinstance(values, dict):
        raise CheckpointError(f"{path}: its config is not a table of settings")
    try:
        return ModelConfig.from_dict(values)
    except ConfigError as error:
        raise CheckpointError(f"{path}: its config isn't valid here: {error}") from error
