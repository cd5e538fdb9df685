"""Weights from disk to a backend, without torch unless that is asked for."""

from pathlib import Path

from codec.backends.interface import Backend
from codec.backends.numpy_backend import BLOCK_FRAMES, NumpyBackend
from codec.catalog import model_id
from codec.checkpoint import read_weights
from codec.errors import ConfigError

BACKENDS = ("numpy", "torch")


def load_backend(
    path: Path, backend: str | None = None, device: str = "cpu", block_frames: int | None = None
) -> tuple[Backend, bytes, dict[str, str]]:
    """The network in `path`, its identity and its header.

    Args:
        backend: `numpy` or `torch`; None is numpy unless the device needs torch.
        block_frames: frames computed at once; as many as are fast if None.

    Raises:
        CheckpointError: see `read_weights`.
        ConfigError: no such backend, torch is missing, a device that isn't there, blocks below one
            frame.
    """
    kind = backend or ("numpy" if device == "cpu" else "torch")
    if kind not in BACKENDS:
        raise ConfigError(f"no backend {kind!r}; known: {', '.join(BACKENDS)}")
    if kind == "numpy" and device != "cpu":
        raise ConfigError(f"the numpy backend runs on cpu, not on device {device!r}")
    if block_frames is not None and block_frames < 1:
        raise ConfigError(f"blocks of {block_frames} frames; expected at least 1")
    if kind == "torch":
        return _load_torch(path, device, block_frames)
    tensors, config, header = read_weights(path)
    loaded = NumpyBackend(config, tensors, block_frames or BLOCK_FRAMES)
    return loaded, model_id(header["config"], tensors), header


def _load_torch(
    path: Path, device: str, block_frames: int | None
) -> tuple[Backend, bytes, dict[str, str]]:
    try:
        from codec.backends.torch_backend import WINDOW_FRAMES, TorchBackend
        from codec.backends.torch_checkpoint import load_checkpoint
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise ConfigError(
            "the torch backend needs torch, which is missing: pip install 'nsvq-codec[torch]'"
        ) from error
    model, identity, header = load_checkpoint(path)
    return TorchBackend(model, device, block_frames or WINDOW_FRAMES), identity, header
