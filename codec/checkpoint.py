"""Weights on disk: one safetensors file that alone rebuilds its model.

Its header holds `format`, `config` (JSON) and what the model card shows; tensors are float16. The
model's identity is a hash over config and weights, so coded files can name what decodes them.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from codec.config import ModelConfig
from codec.errors import CheckpointError
from codec.model import CodecModel

FORMAT = "nsvq-checkpoint-1"
ID_BYTES = 8


def save_checkpoint(
    path: Path, model: CodecModel, metadata: Mapping[str, str] | None = None
) -> None:
    """Write `model` to `path`; `metadata` goes into the header beside the config."""
    tensors = {
        name: value.detach().cpu().half().contiguous() for name, value in model.state_dict().items()
    }
    header = dict(metadata or {})
    header |= {"format": FORMAT, "config": json.dumps(model.config.to_dict(), sort_keys=True)}
    partial = path.with_suffix(".partial")
    save_file(tensors, partial, metadata=header)
    partial.replace(path)


def load_checkpoint(path: Path) -> tuple[CodecModel, bytes, dict[str, str]]:
    """The model in `path` (float32, evaluation mode), its identity and its header.

    Raises:
        CheckpointError: not a checkpoint of this project, damaged, or of another layout.
        ConfigError: its config is not valid here.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = dict(file.metadata() or {})
            tensors = {name: file.get_tensor(name) for name in sorted(file.keys())}
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: can't be read as a checkpoint ({error})") from error
    if header.get("format") != FORMAT:
        raise CheckpointError(
            f"{path}: not a checkpoint of this project (format "
            f"{header.get('format')!r}, expected {FORMAT!r})"
        )
    model = CodecModel(ModelConfig.from_dict(json.loads(header["config"])))
    try:
        model.load_state_dict({name: value.float() for name, value in tensors.items()})
    except RuntimeError as error:
        raise CheckpointError(f"{path}: weights and config don't fit together") from error
    return model.eval(), model_id(header["config"], tensors), header


def model_id(config: str, tensors: Mapping[str, Tensor]) -> bytes:
    """SHA-256 over config and weights, cut to `ID_BYTES` bytes."""
    digest = hashlib.sha256(config.encode())
    for name in sorted(tensors):
        value = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name}{tuple(value.shape)}{value.dtype}".encode())
        digest.update(value.view(torch.uint8).numpy().tobytes())
    return digest.digest()[:ID_BYTES]
