"""A run's whole state in one safetensors file: weights, averages, optimizer, quantizer counts.

Batches and noise are functions of seed and step, so the step is all the random state there is, and
a run that is killed and started again goes on to the same bits.

    model.NAME        live weights and buffers
    average.NAME      averaged weights
    optimizer.KEY.NAME  the optimizer's moments of parameter NAME
    counts.NAME       what the quantizer keeps between steps
    header            step and recipe as JSON
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from codec.errors import OutputError, TrainingError
from codec.output import new_file

FORMAT = "nsvq-training-1"


def save_state(path: Path, tensors: dict[str, Tensor], header: dict[str, Any]) -> None:
    """Write everything to a temporary file, then put it in place of `path`.

    Raises:
        OutputError: the disk is full, say.
    """
    clones = {name: value.detach().cpu().clone().contiguous() for name, value in tensors.items()}
    metadata = {"format": FORMAT, "run": json.dumps(header, sort_keys=True)}
    try:
        data = save(clones, metadata=metadata)
    except SafetensorError as error:
        raise OutputError(f"{path}: can't be written ({error})") from error
    with new_file(path, force=True) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())  # a power cut must not leave a new name for old emptiness


def load_state(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What `save_state` wrote.

    Raises:
        TrainingError: the file can't be read or is something else.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise TrainingError(f"{path}: not a training state of this release")
            header = json.loads(metadata["run"])
            step = header.get("step", 0)
            if type(step) is not int or step < 0:
                raise TrainingError(f"{path}: a state of step {step!r}; expected 0 or more")
            names: list[str] = file.keys()
            return {name: file.get_tensor(name) for name in names}, header
    except (SafetensorError, OSError, AttributeError, KeyError, ValueError) as error:
        raise TrainingError(f"{path}: can't be read as a training state ({error})") from error


def optimizer_tensors(optimizer: torch.optim.Optimizer, module: nn.Module) -> dict[str, Tensor]:
    """The optimizer's moments by parameter name."""
    names = {id(value): name for name, value in module.named_parameters()}
    return {
        f"{key}.{names[id(parameter)]}": value
        for parameter, moments in optimizer.state.items()
        for key, value in moments.items()
    }


def restore_optimizer(
    optimizer: torch.optim.Optimizer, module: nn.Module, tensors: dict[str, Tensor]
) -> None:
    """Put back what `optimizer_tensors` took out.

    Raises:
        ValueError: moments of another shape than their parameter's.
    """
    parameters = dict(module.named_parameters())
    for label, value in tensors.items():
        key, name = label.split(".", 1)
        parameter = parameters[name]
        check_shape(label, value, torch.Size() if key == "step" else parameter.shape)
        target = "cpu" if key == "step" and parameter.device.type == "cpu" else parameter.device
        optimizer.state[parameter][key] = value.to(target)


def check_shape(name: str, value: Tensor, expected: Sequence[int]) -> None:
    """Refuse what would otherwise be stretched to fit.

    Raises:
        ValueError: another shape than expected.
    """
    if tuple(value.shape) != tuple(expected):
        raise ValueError(f"{name} is {tuple(value.shape)}; expected {tuple(expected)}")


def with_prefix(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Names under a prefix."""
    return {f"{prefix}.{name}": value for name, value in tensors.items()}


def under_prefix(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The names under a prefix, without it."""
    start = len(prefix) + 1
    return {name[start:]: value for name, value in tensors.items() if name.startswith(f"{prefix}.")}
