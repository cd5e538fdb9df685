"""A codec as a folder that model hubs know: three files, named as everywhere.

config.json                what the model is, for readers; `model_id` ties it to the weights
model.safetensors          the checkpoint, unchanged: it alone rebuilds the model
preprocessor_config.json   how waves are prepared, for `transformers.AutoFeatureExtractor`
"""

import json
import shutil
from pathlib import Path
from typing import Any

from codec.catalog import describe_checkpoint
from codec.errors import CheckpointError, OutputError
from codec.output import new_file

CONFIG, WEIGHTS, PREPROCESSOR = "config.json", "model.safetensors", "preprocessor_config.json"


def find_pretrained(name: str | Path, revision: str | None = None) -> Path:
    """The weights of a folder, or of a repository on the Hugging Face hub.

    Raises:
        CheckpointError: not there, incomplete, or files that don't belong together.
    """
    folder = Path(name)
    if not folder.is_dir():
        folder = _downloaded(str(name), revision)
    weights = folder / WEIGHTS
    if not weights.is_file():
        raise CheckpointError(f"{folder}: has no {WEIGHTS}; expected what save_pretrained writes")
    found = _read_config(folder / CONFIG).get("model_id")
    expected = describe_checkpoint(weights).model_id.hex()
    if found not in (None, expected):
        raise CheckpointError(
            f"{folder}: {CONFIG} is of model {found}, {WEIGHTS} of {expected}; copy both from one"
        )
    return weights


def save_pretrained(checkpoint: Path, folder: str | Path) -> Path:
    """Write the three files of the checkpoint into `folder`, made if missing.

    Raises:
        OutputError: it can't be written.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: can't be written ({error.strerror})") from error
    info = describe_checkpoint(checkpoint)
    config = {
        "model_type": "nsvq",
        "model_id": info.model_id.hex(),
        "sampling_rate": info.config.sample_rate,
        "frame_rate": info.config.frame_rate,
        **info.config.to_dict(),
    }
    preprocessor = {
        "feature_extractor_type": "DacFeatureExtractor",  # pads to whole hops, as is right here
        "feature_size": 1,
        "hop_length": info.config.hop,
        "padding_side": "right",
        "padding_value": 0.0,
        "return_attention_mask": True,
        "sampling_rate": info.config.sample_rate,
    }
    if not (folder / WEIGHTS).exists() or not (folder / WEIGHTS).samefile(checkpoint):
        with checkpoint.open("rb") as source, new_file(folder / WEIGHTS, force=True) as target:
            shutil.copyfileobj(source, target)
    for name, values in ((CONFIG, config), (PREPROCESSOR, preprocessor)):
        with new_file(folder / name, force=True) as target:
            target.write(f"{json.dumps(values, indent=2)}\n".encode())
    return folder


def _read_config(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: not a table of settings in JSON ({error})") from error
    if not isinstance(values, dict):
        raise CheckpointError(f"{path}: not a table of settings in JSON")
    return values


def _downloaded(name: str, revision: str | None) -> Path:
    """The folder with a hub repository's files, fetched if they are not here yet."""
    try:
        from huggingface_hub import snapshot_download
    except ModuleNotFoundError as error:
        raise CheckpointError(
            f"{name}: no such folder, and a name on the hub needs huggingface_hub: "
            "pip install 'nsvq-codec[hub]'"
        ) from error
    files = [CONFIG, WEIGHTS, PREPROCESSOR]
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=files))
    except Exception as error:  # the client's errors have no common base
        reason = str(error).strip().partition("\n")[0]
        raise CheckpointError(
            f"{name}: no such folder, nor to be had from the hub ({reason})"
        ) from error
