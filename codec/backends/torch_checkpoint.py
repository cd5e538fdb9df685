"""Weights on disk: one safetensors file that alone rebuilds its model.

Its header holds `format`, `config` (JSON) and what the model card shows; tensors are float16. The
model's identity is a hash over config and weights, so coded files can name what decodes them.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save

from codec.backends.torch_model import CodecModel
from codec.catalog import FORMAT, model_id
from codec.checkpoint import read_weights
from codec.errors import CheckpointError, ConfigError, OutputError
from codec.output import new_file


def save_checkpoint(
    path: Path, model: CodecModel, metadata: Mapping[str, str] | None = None
) -> None:
    """Write `model` to `path`; `metadata` goes into the header beside the config.

    Whatever a quantizer in training keeps, its codewords are all that coding needs.

    Raises:
        OutputError: no permission, or the disk is full.
    """
    weights = {
        name: value
        for name, value in model.state_dict().items()
        if not name.startswith("quantizer.")
    } | {"quantizer.codebooks": model.quantizer.codewords()}
    tensors = {name: value.detach().cpu().half().contiguous() for name, value in weights.items()}
    header = dict(metadata or {})
    header |= {"format": FORMAT, "config": model.config.to_json()}
    try:
        data = save(tensors, metadata=header)
    except SafetensorError as error:
        raise OutputError(f"{path}: can't be written ({error})") from error
    with new_file(path, force=True) as file:
        file.write(data)


def load_checkpoint(path: Path) -> tuple[CodecModel, bytes, dict[str, str]]:
    """The model in `path` (float32, evaluation mode), its identity and its header.

    Raises:
        CheckpointError: not a checkpoint of this project, damaged, or with a config that isn't
            valid here.
    """
    tensors, config, header = read_weights(path)
    try:
        model = CodecModel(config)
        weights = {name: torch.from_numpy(value).float() for name, value in tensors.items()}
        model.load_state_dict(weights)
    except (RuntimeError, TypeError, ConfigError) as error:
        raise CheckpointError(f"{path}: weights and config don't fit together") from error
    return model.eval(), model_id(header["config"], tensors), header
