"""A checkpoint as files for another runtime."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from codec.catalog import model_id
from codec.checkpoint import read_weights
from codec.config import ModelConfig
from codec.output import check_target, new_file

Maker = Callable[[ModelConfig, Mapping[str, np.ndarray], Mapping[str, str]], bytes]


def _onnx() -> dict[str, Maker]:
    from codec.export.networks import decoder, encoder

    return {"encoder.onnx": encoder, "decoder.onnx": decoder}


FORMATS: dict[str, Callable[[], dict[str, Maker]]] = {"onnx": _onnx}
"""The files of a format and what makes them, loaded on use."""


def export(path: Path, folder: Path, format: str = "onnx", *, force: bool = False) -> list[Path]:
    """Write the checkpoint in `path` into `folder`; returns the files.

    Args:
        force: replace files that exist.

    Raises:
        CheckpointError: see `read_weights`.
        OutputError: a file exists already, or can't be written.
    """
    tensors, config, header = read_weights(path)
    about = {
        "model_id": model_id(header["config"], tensors).hex(),
        "config": config.to_json(),
    }
    makers = FORMATS[format]()
    targets = [folder / name for name in makers]
    for target in targets:
        check_target(target, force)
    for target, make in zip(targets, makers.values(), strict=True):
        with new_file(target, force=force) as file:
            file.write(make(config, tensors, about))
    return targets
