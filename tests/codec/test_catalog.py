"""Checkpoints: found, described without torch, refused with a reason."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from codec import CheckpointError, Codec, catalog
from codec.backends.torch_checkpoint import load_checkpoint
from codec.catalog import describe_checkpoint, find_checkpoint, shipped_checkpoints
from codec.config import ModelConfig


def test_names_and_paths(toy_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "FOLDER", toy_path.parent)
    assert shipped_checkpoints() == [toy_path]
    assert find_checkpoint("toy") == find_checkpoint(toy_path) == toy_path
    monkeypatch.setattr(catalog, "DEFAULT", "toy")
    assert find_checkpoint() == find_checkpoint("default") == toy_path
    for wrong in ("toys", "../toy", "x" * 5_000, toy_path.parent / "no.safetensors"):
        with pytest.raises(CheckpointError):
            find_checkpoint(wrong)
    with pytest.raises(CheckpointError, match="at hand"):
        find_checkpoint("speech")
    with pytest.raises(CheckpointError, match="is a folder"):
        find_checkpoint(toy_path.parent)


def test_describing_equals_loading(toy_path: Path, toy: Codec) -> None:
    info = describe_checkpoint(toy_path)
    _, model_id, _ = load_checkpoint(toy_path)
    assert info.model_id == model_id == toy.model_id
    assert len(info.model_id) == 8
    assert (info.config, info.name, info.metadata) == (toy.config, "toy", {"corpus": "none"})
    assert info.num_parameters == sum(value.numel() for value in toy.model.state_dict().values())


CONFIG = json.dumps(ModelConfig().to_dict())


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({}, "not a checkpoint of this project"),
        ({"format": "other"}, "not a checkpoint of this project"),
        ({"format": catalog.FORMAT}, "holds no config"),
        ({"format": catalog.FORMAT, "config": "{"}, "not JSON"),
        ({"format": catalog.FORMAT, "config": "[" * 100_000}, "not JSON"),
        ({"format": catalog.FORMAT, "config": "[]"}, "not a table"),
        ({"format": catalog.FORMAT, "config": '{"colour": 1}'}, "colour"),
        ({"format": catalog.FORMAT, "config": '{"hop": 1}'}, "hop"),
        ({"format": catalog.FORMAT, "config": '{"quantizer": "no"}'}, "don't fit|valid"),
        ({"format": catalog.FORMAT, "config": CONFIG}, "don't fit together"),
    ],
)
def test_headers_that_are_refused(tmp_path: Path, header: dict[str, str], message: str) -> None:
    path = tmp_path / "wrong.safetensors"
    save_file({"weight": np.zeros(3, np.float16)}, path, metadata=header)
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(path)


def test_damaged_files(tmp_path: Path, toy_path: Path) -> None:
    path = tmp_path / "damaged.safetensors"
    whole = toy_path.read_bytes()
    for data in (b"", b"hello", whole[:100], whole[:-1], b"\xff" * 100):
        path.write_bytes(data)
        with pytest.raises(CheckpointError, match=r"damaged\.safetensors"):
            describe_checkpoint(path)
    config = json.dumps(ModelConfig().to_dict())
    weights = {"weight": np.full(3, np.nan, np.float16)}
    save_file(weights, path, metadata={"format": catalog.FORMAT, "config": config})
    with pytest.raises(CheckpointError, match="not finite"):
        load_checkpoint(path)
    with pytest.raises(CheckpointError, match="can't be read"):
        describe_checkpoint(tmp_path / "missing.safetensors")
