"""Exported graphs give, in ONNX Runtime, what the codec gives."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from codec import Codec
from codec.audio import read_audio, resample, to_pcm16
from codec.backends.torch_checkpoint import save_checkpoint
from codec.backends.torch_model import CodecModel
from codec.catalog import find_checkpoint
from codec.config import ModelConfig
from codec.errors import OutputError
from codec.floor import Floor
from codec.noise import noise
from tests.codec.ties import assert_alike_but_for_ties

pytest.importorskip("onnx", reason="needs pip install 'nsvq-codec[onnx]'")
onnxruntime = pytest.importorskip("onnxruntime", reason="needs pip install 'nsvq-codec[onnx]'")

from codec.export import export  # noqa: E402 - needs onnx

_SMALL = {
    "trunk_width": 32, "latent_width": 16, "num_stages": 4, "codebook_size": 64,
    "refiner_width": 24, "encoder_lookahead": (1, 2), "decoder_lookahead": (2, 1),
}  # fmt: skip
CONFIGS = {
    "refiner": ModelConfig(refiner_lookahead=(2, 3), **_SMALL),
    "coarse refiner": ModelConfig(refiner_lookahead=(1,), refiner_hop=160, **_SMALL),
    "plain": ModelConfig(compression=0.4, **_SMALL),
    "slim": ModelConfig(
        encoder_hidden=(20, 40),
        decoder_hidden=(50, 10),
        refiner_lookahead=(1, 0),
        refiner_hidden=(30, 7),
        refiner_noise=False,
        **_SMALL,
    ),
    "early": ModelConfig(refiner_lookahead=(0,), refiner_hop=160, overlap=80, **_SMALL),
}


class Graphs:
    """Both graphs of a checkpoint in ONNX Runtime, on one thread."""

    def __init__(self, path: Path, folder: Path) -> None:
        encoder, decoder = export(path, folder)
        self.encoder, self.decoder = _session(encoder), _session(decoder)
        self.codec = Codec.load(path)

    def encode(self, wave: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Shape: wave [B, T] -> latent [B, F, D], codes [B, Q, F]."""
        latent, codes = self.encoder.run(["latent", "codes"], {"wave": wave})
        return latent, codes

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """With the floor that the format adds. Shape: codes [B, Q, F] -> wave [B, T]."""
        feed = {"codes": codes}
        if _hears_noise(self.codec.config):
            hiss = noise(0, codes.shape[2] * self.codec.config.hop)
            feed["noise"] = np.tile(hiss, (len(codes), 1))
        wave: np.ndarray = self.decoder.run(["wave"], feed)[0]
        for row in wave:
            Floor().add(row)
        return wave


def _hears_noise(config: ModelConfig) -> bool:
    return bool(config.refiner_lookahead) and config.refiner_noise


def _session(path: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module", params=CONFIGS)
def graphs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Graphs:
    """Of a small model whose layers all do something, unlike fresh ones."""
    torch.manual_seed(0)
    model = CodecModel(CONFIGS[request.param])
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name != "quantizer.codebooks":
                parameter.add_(0.05 * torch.randn_like(parameter))
    folder = tmp_path_factory.mktemp("export")
    save_checkpoint(folder / "toy.safetensors", model)
    return Graphs(folder / "toy.safetensors", folder)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Graphs:
    return Graphs(find_checkpoint(), tmp_path_factory.mktemp("shipped"))


def agree(graphs: Graphs, wave: np.ndarray) -> None:
    """Codes equal but for ties, samples of the same codes within one step of 16 bits.

    Shape: wave [B, T].
    """
    codes, expected = graphs.encode(wave)[1], graphs.codec.encode(wave, 16_000)
    assert_alike_but_for_ties(graphs.codec, wave, codes, expected)
    for stages in (1, expected.shape[1]):
        some = np.ascontiguousarray(expected[:, :stages])
        found, wanted = to_pcm16(graphs.decode(some)), to_pcm16(graphs.codec.decode(some))
        assert found.shape == wanted.shape
        assert np.abs(found.astype(int) - wanted).max() <= 1


def recording(path: Path) -> np.ndarray:
    """Shape: -> [1, T]."""
    wave, sample_rate = read_audio(path)
    return resample(wave, sample_rate, 16_000)[:1]


@pytest.mark.parametrize("num_samples", [1, 319, 320, 321, 5_000])
def test_every_length(graphs: Graphs, num_samples: int) -> None:
    wave = np.random.default_rng(num_samples).standard_normal((1, num_samples))
    agree(graphs, (0.1 * wave).astype(np.float32))


def test_recordings_side_by_side(graphs: Graphs, clips: list[Path]) -> None:
    waves = [recording(clip) for clip in clips[:2]]
    shortest = min(wave.shape[1] for wave in waves)
    agree(graphs, np.concatenate([wave[:, :shortest] for wave in waves]))


def test_the_shipped_model(shipped: Graphs, clips: list[Path]) -> None:
    for clip in clips:
        agree(shipped, recording(clip))


def test_codes_that_are_not_there_add_nothing(graphs: Graphs) -> None:
    config = graphs.codec.config
    rng = np.random.default_rng(3)
    codes = rng.integers(0, config.codebook_size, (2, config.num_stages, 12))
    held = rng.integers(1, config.num_stages + 1, (2, 1, 12))
    codes[np.arange(config.num_stages)[:, None] >= held] = -1
    found, wanted = to_pcm16(graphs.decode(codes)), to_pcm16(graphs.codec.decode(codes))
    assert np.abs(found.astype(int) - wanted).max() <= 1
    with_zeros = to_pcm16(graphs.decode(np.maximum(codes, 0)))
    assert np.abs(with_zeros.astype(int) - wanted).max() > 10


def test_graphs_say_what_they_are(graphs: Graphs) -> None:
    about = graphs.decoder.get_modelmeta().custom_metadata_map
    assert about["model_id"] == graphs.codec.model_id.hex()
    assert ModelConfig.from_dict(json.loads(about["config"])) == graphs.codec.config
    names = {value.name for value in graphs.decoder.get_inputs()}
    assert names == ({"codes", "noise"} if _hears_noise(graphs.codec.config) else {"codes"})


def test_files_that_exist_are_left(toy_path: Path, tmp_path: Path) -> None:
    (tmp_path / "decoder.onnx").write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        export(toy_path, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["decoder.onnx"]
    assert len(export(toy_path, tmp_path, force=True)) == 2
