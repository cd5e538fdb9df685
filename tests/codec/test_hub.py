"""Folders as model hubs know them, and the calls of `transformers`."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from codec import CheckpointError, Codec, ConfigError
from codec.hub import CONFIG, PREPROCESSOR, WEIGHTS

WAVE = (0.1 * np.random.default_rng(0).standard_normal(9_001)).astype(np.float32)


@pytest.fixture
def folder(toy: Codec, tmp_path: Path) -> Path:
    toy.save_pretrained(tmp_path / "saved")
    return tmp_path / "saved"


def test_a_saved_codec_is_the_same_codec(toy: Codec, folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == [CONFIG, WEIGHTS, PREPROCESSOR]
    found = Codec.from_pretrained(folder)
    assert found.model_id == toy.model_id
    np.testing.assert_array_equal(found.encode(WAVE, 16_000), toy.encode(WAVE, 16_000))
    found.save_pretrained(folder)
    assert Codec.from_pretrained(str(folder)).model_id == toy.model_id
    config = json.loads((folder / CONFIG).read_text())
    assert (config["sampling_rate"], config["num_stages"]) == (16_000, 4)


def test_files_of_two_models_are_refused(folder: Path) -> None:
    config = json.loads((folder / CONFIG).read_text()) | {"model_id": "00"}
    (folder / CONFIG).write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="copy both from one"):
        Codec.from_pretrained(folder)
    (folder / CONFIG).write_text("[")
    with pytest.raises(CheckpointError, match=r"config\.json"):
        Codec.from_pretrained(folder)
    (folder / WEIGHTS).unlink()
    with pytest.raises(CheckpointError, match="save_pretrained"):
        Codec.from_pretrained(folder)


def test_a_name_that_cannot_be_had(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(CheckpointError, match="nor to be had"):
        Codec.from_pretrained("nobody/nothing-of-this-name")


def test_a_codec_in_memory_has_nothing_to_copy(toy: Codec, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="in memory"):
        Codec(toy.backend, toy.model_id).save_pretrained(tmp_path)


def test_names_and_shapes_are_those_of_transformers(folder: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    from codec.backends.torch_pretrained import NsvqModel

    config = transformers.DacConfig(
        encoder_hidden_size=8, downsampling_ratios=[4, 8, 10], decoder_hidden_size=64,
        upsampling_ratios=[10, 8, 4], n_codebooks=4, codebook_size=64, hidden_size=64,
    )  # fmt: skip
    dac, ours = transformers.DacModel(config).eval(), NsvqModel.from_pretrained(folder)
    waves = 0.1 * torch.randn(2, 1, 6_400)
    with torch.no_grad():
        theirs = dac.encode(waves, n_quantizers=3).audio_codes
        heard = dac.decode(audio_codes=theirs).audio_values
    found = ours.encode(waves, n_quantizers=3).audio_codes
    values = ours.decode(audio_codes=found).audio_values
    assert found.shape[:2] == theirs.shape[:2] == (2, 3)
    assert (found.dtype, values.dtype, values.ndim) == (theirs.dtype, heard.dtype, heard.ndim)
    assert (found.shape[2], values.shape[1]) == (21, 6_400)
    assert isinstance(ours.encode(waves, return_dict=False), tuple)


def test_padding_changes_nothing(folder: Path, toy: Codec) -> None:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    from codec.backends.torch_pretrained import NsvqModel

    model = NsvqModel.from_pretrained(folder)
    prepare = transformers.AutoFeatureExtractor.from_pretrained(folder)
    waves = [WAVE, WAVE[:3_000], WAVE[:320]]
    inputs = prepare(waves, sampling_rate=16_000, padding=True, return_tensors="pt")
    mask = inputs["padding_mask"]
    output = model.encode(inputs["input_values"], mask, bandwidth=0.6)
    assert output.audio_codes.shape[1] == toy.stages_for(0.6) == 2
    values = model.decode(output.audio_codes, output.audio_codes_mask, mask).audio_values
    for index, wave in enumerate(waves):
        alone = toy.encode(wave, 16_000, 0.6)[0]
        frames = int(output.audio_codes_mask[index].sum())
        np.testing.assert_array_equal(output.audio_codes[index, :, :frames].numpy(), alone)
        expected = toy.decode(alone[None], len(wave))[0]
        np.testing.assert_array_equal(values[index, : len(wave)].numpy(), expected)
    with pytest.raises(Exception, match="at the end only"):
        model.encode(inputs["input_values"], mask.flip(1))
