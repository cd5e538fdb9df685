"""Checkpoints: found, described without torch, refused with a reason."""

import json
import os
import resource
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from codec import CheckpointError, Codec, CodecError, catalog
from codec.backends.torch_checkpoint import load_checkpoint, save_checkpoint
from codec.backends.torch_model import CodecModel
from codec.catalog import describe_checkpoint, find_checkpoint, shipped_checkpoints
from codec.config import ModelConfig
from codec.files import decompress_file


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
    assert info.num_parameters == toy.backend.num_parameters


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
        ({"format": catalog.FORMAT, "config": '{"quantizer": "nsvq"}'}, "don't fit together"),
        ({"format": catalog.FORMAT, "config": '{"quantizer": "simvq"}'}, "export it anew"),
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


def test_settings_that_change_nothing_are_no_part_of_the_identity(
    tmp_path: Path, toy_path: Path
) -> None:
    tensors, config, header = catalog.read_checkpoint(toy_path)
    older = json.loads(header["config"]) | {"window": 640, "quantizer": "ste"}
    path = tmp_path / "older.safetensors"
    save_file(tensors, path, metadata=header | {"config": json.dumps(older)})
    info = describe_checkpoint(path)
    assert (info.config, info.model_id) == (config, describe_checkpoint(toy_path).model_id)


def test_settings_that_came_later_stand_in_a_header_only_where_they_change_something() -> None:
    """The identity is a hash of the header's settings, and models of before keep theirs."""
    info = describe_checkpoint(find_checkpoint())
    settings = json.loads(catalog.read_checkpoint(info.path)[2]["config"])
    assert json.loads(info.config.to_json()) == settings
    assert "overlap" not in settings
    assert json.loads(ModelConfig(overlap=80).to_json())["overlap"] == 80


def test_a_shorter_overlap_is_another_model(tmp_path: Path, toy: Codec, early: Codec) -> None:
    for codec in (toy, early):
        path = tmp_path / f"{codec.config.overlap}.safetensors"
        save_checkpoint(path, CodecModel(codec.config))
        settings = json.loads(catalog.read_checkpoint(path)[2]["config"])
        assert settings.get("overlap", 0) == codec.config.overlap
        assert ("overlap" in settings) == (codec is early)
        assert load_checkpoint(path)[0].config == codec.config


def test_a_config_that_claims_gigabytes_costs_nothing(tmp_path: Path) -> None:
    """Its shapes are compared with those in the file before anything is built."""
    claim = ModelConfig(
        trunk_width=4_096, expansion=8, encoder_lookahead=(1,) * 32, decoder_lookahead=(1,) * 32
    )
    path = tmp_path / "bomb.safetensors"
    header = {"format": catalog.FORMAT, "config": json.dumps(claim.to_dict())}
    save_file({"weight": np.zeros(1, np.float16)}, path, metadata=header)
    peak_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.monotonic()
    with pytest.raises(CheckpointError, match="don't fit together"):
        load_checkpoint(path)
    assert time.monotonic() - start < 10
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak_before < 300_000  # KiB


@pytest.mark.parametrize("noise", [True, False])
@pytest.mark.parametrize("refiner", [(), (1, 0)])
def test_every_model_fits_its_own_file(
    refiner: tuple[int, ...], noise: bool, tmp_path: Path
) -> None:
    config = ModelConfig(
        trunk_width=8, latent_width=8, num_stages=2, codebook_size=4, refiner_width=8,
        encoder_lookahead=(1, 0), decoder_lookahead=(), refiner_lookahead=refiner,
        encoder_hidden=(3, 20), refiner_noise=noise,
    )  # fmt: skip
    path = tmp_path / "small.safetensors"
    save_checkpoint(path, CodecModel(config))
    assert load_checkpoint(path)[0].config == config


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_the_umask_decides_who_may_read_a_checkpoint(
    mask: int, mode: int, tmp_path: Path, toy: Codec
) -> None:
    path, before = tmp_path / "a.safetensors", os.umask(mask)
    try:
        save_checkpoint(path, CodecModel(toy.config))
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == mode
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_weights_that_overflow_are_never_written_as_sound(
    tmp_path: Path, toy: Codec, toy_path: Path
) -> None:
    coded, target = tmp_path / "a.nsvq", tmp_path / "a.wav"
    overflowing = CodecModel(toy.config)
    overflowing.load_state_dict(load_checkpoint(toy_path)[0].state_dict())
    with torch.no_grad():
        for parameter in (*overflowing.decoder.parameters(), overflowing.quantizer.codebooks):
            parameter.copy_(parameter.sign() * 65_504.0)
    save_checkpoint(tmp_path / "big.safetensors", overflowing)
    codec = Codec.load(tmp_path / "big.safetensors")
    codec.model_id = toy.model_id
    coded.write_bytes(toy.compress(np.zeros(8_000, np.float32), 16_000))
    with pytest.raises(CodecError, match="overflow"):
        codec.decompress(coded.read_bytes())
    for name in ("a.wav", "a.flac"):
        with pytest.raises(CodecError, match="overflow"):
            decompress_file(codec, coded, target.with_name(name))
        assert not target.with_name(name).exists()
