"""Every backend gives what one pass of the torch model gives, however a wave is cut up."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from codec import Codec
from codec.audio import read_audio, resample, to_pcm16
from codec.backends.interface import Backend, Stream
from codec.backends.numpy_backend import NumpyBackend
from codec.backends.torch_backend import TorchBackend, context
from codec.backends.torch_checkpoint import load_checkpoint, save_checkpoint
from codec.backends.torch_model import CodecModel
from codec.catalog import find_checkpoint
from codec.checkpoint import read_weights, tensor_shapes
from codec.config import ModelConfig
from codec.noise import noise
from tests.codec.ties import assert_alike_but_for_ties

HOP = 320
LENGTHS = [1, 80, 81, HOP - 1, HOP, HOP + 1, HOP + 80, 2 * HOP, 2 * HOP + 1, 10 * HOP, 20_000]
_SMALL = {
    "trunk_width": 32, "latent_width": 16, "num_stages": 4, "codebook_size": 64,
    "refiner_width": 24,
}  # fmt: skip
CONFIGS = {
    "refiner": ModelConfig(
        encoder_lookahead=(0, 0), decoder_lookahead=(1, 0), refiner_lookahead=(1, 0), **_SMALL
    ),
    "ahead": ModelConfig(
        encoder_lookahead=(1, 2), decoder_lookahead=(2, 1), refiner_lookahead=(2, 3), **_SMALL
    ),
    "coarse": ModelConfig(
        encoder_lookahead=(1,),
        decoder_lookahead=(1,),
        refiner_lookahead=(1,),
        refiner_hop=160,
        **_SMALL,
    ),
    "coarsest": ModelConfig(
        encoder_lookahead=(1,),
        decoder_lookahead=(1,),
        refiner_lookahead=(0,),
        refiner_hop=320,
        **_SMALL,
    ),
    "plain": ModelConfig(
        encoder_lookahead=(1, 2), decoder_lookahead=(2, 1), compression=0.4, **_SMALL
    ),
    "linear": ModelConfig(encoder_lookahead=(), decoder_lookahead=(1,), **_SMALL),
    "slim": ModelConfig(
        encoder_lookahead=(0, 1),
        encoder_hidden=(20, 40),
        decoder_lookahead=(1, 0),
        decoder_hidden=(50, 10),
        refiner_lookahead=(1, 0),
        refiner_hidden=(30, 7),
        refiner_noise=False,
        **_SMALL,
    ),
    "early": ModelConfig(
        encoder_lookahead=(0, 0),
        decoder_lookahead=(0,),
        refiner_lookahead=(0,),
        overlap=80,
        **_SMALL,
    ),
    "early, looking ahead": ModelConfig(
        encoder_lookahead=(1, 0), decoder_lookahead=(1,), overlap=48, **_SMALL
    ),
}


@pytest.fixture(scope="module", params=CONFIGS)
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint whose layers all do something, unlike fresh ones."""
    torch.manual_seed(0)
    model = CodecModel(CONFIGS[request.param])
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name != "quantizer.codebooks":
                parameter.add_(0.05 * torch.randn_like(parameter))
    path = tmp_path_factory.mktemp("backends") / "toy.safetensors"
    save_checkpoint(path, model)
    return path


@pytest.fixture(scope="module")
def model(path: Path) -> CodecModel:
    return load_checkpoint(path)[0]


def backends(path: Path, sizes: tuple[int, ...] = (1, 7, 64)) -> Iterator[Backend]:
    tensors, config, _ = read_weights(path)
    for size in sizes:
        yield NumpyBackend(config, tensors, block_frames=size)
        yield TorchBackend(load_checkpoint(path)[0], window_frames=size)


def speech_like(num_samples: int) -> np.ndarray:
    wave = np.random.default_rng(num_samples).standard_normal(num_samples)
    return (0.1 * wave).astype(np.float32)


def run(stream: Stream, whole: np.ndarray, piece: int) -> np.ndarray:
    """Everything a stream gives; [0, ...] if that is nothing."""
    blocks = []
    for start in range(0, len(whole), piece):
        blocks += stream.push(whole[start : start + piece])
    blocks += stream.finish()
    return np.concatenate(blocks) if blocks else np.zeros(0, np.float32)


@pytest.mark.parametrize("num_samples", LENGTHS)
def test_latents_are_those_of_one_pass(path: Path, model: CodecModel, num_samples: int) -> None:
    wave = speech_like(num_samples)
    with torch.no_grad():
        expected = model.analyse(torch.from_numpy(wave)[None, None])[0].T.numpy()
    assert len(expected) == model.config.num_frames(num_samples)
    for backend in backends(path):
        np.testing.assert_allclose(run(backend.analysis(), wave, 777), expected, atol=1e-4)


@pytest.mark.parametrize("num_frames", [1, 2, 3, 11, 64, 65, 130])
def test_waves_are_those_of_one_pass(path: Path, model: CodecModel, num_frames: int) -> None:
    codes = np.random.default_rng(0).integers(0, 64, (4, num_frames))
    expected = model.decode(torch.from_numpy(codes)[None])[0, 0].numpy()
    assert expected.shape == ((num_frames - 1) * HOP,)
    for backend in backends(path):
        wave = run(backend.synthesis(), backend.dequantize(codes), 13)
        np.testing.assert_allclose(wave, expected, atol=1e-4 * np.abs(expected).max(initial=1e-9))


def test_a_frame_comes_with_the_last_sample_that_it_needs(path: Path) -> None:
    for backend in backends(path, sizes=(1,)):
        config, stream, wave = backend.config, backend.analysis(), speech_like(8 * HOP)
        needed = config.window_size + sum(config.encoder_lookahead) * HOP - HOP
        assert not any(map(len, stream.push(wave[: needed - 1])))
        for last in range(needed - 1, len(wave) - HOP, HOP):
            assert sum(map(len, stream.push(wave[last : last + 1]))) == 1
            assert not stream.push(wave[last + 1 : last + HOP])


def test_nothing_gives_nothing(path: Path) -> None:
    for backend in backends(path):
        empty = np.zeros((0, backend.config.latent_width), np.float32)
        assert not len(run(backend.analysis(), np.zeros(0, np.float32), 1))
        assert not len(run(backend.synthesis(), empty, 1))


@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_pieces_never_show(path: Path, kind: str) -> None:
    backend = Codec.load(path, backend=kind).backend
    wave = speech_like(200_001)  # several blocks
    latent = run(backend.analysis(), wave, len(wave))
    sound = run(backend.synthesis(), latent, len(latent))
    for piece in (1_000, 30_000):
        np.testing.assert_array_equal(run(backend.analysis(), wave, piece), latent)
    for piece in (1, 50, 64, 65):
        np.testing.assert_array_equal(run(backend.synthesis(), latent, piece), sound)


def test_streams_of_one_backend_do_not_meet(path: Path) -> None:
    backend = Codec.load(path).backend
    waves = speech_like(30_000), speech_like(25_000)
    alone = [run(backend.analysis(), wave, 999) for wave in waves]
    streams = [backend.analysis() for _ in waves]
    found: list[list[np.ndarray]] = [[], []]
    for start in range(0, 30_000, 999):
        for stream, wave, blocks in zip(streams, waves, found, strict=True):
            blocks.extend(stream.push(wave[start : start + 999]))
    for stream, blocks, expected in zip(streams, found, alone, strict=True):
        np.testing.assert_array_equal(np.concatenate([*blocks, *stream.finish()]), expected)


def compare(path: Path, clips: list[Path], effort: int = 1) -> None:
    """Codes equal but for ties, samples of the same codes within one step of 16 bits."""
    ours, theirs = (Codec.load(path, effort=effort, backend=kind) for kind in ("numpy", "torch"))
    for clip in clips:
        wave, sample_rate = read_audio(clip)
        wave = resample(wave, sample_rate, 16_000)
        codes, other = ours.encode(wave, 16_000), theirs.encode(wave, 16_000)
        assert_alike_but_for_ties(ours, wave, codes, other)
        difference = to_pcm16(ours.decode(codes)).astype(int) - to_pcm16(theirs.decode(codes))
        assert np.abs(difference).max() <= 1


def test_backends_agree_on_recordings(path: Path, clips: list[Path]) -> None:
    compare(path, clips)


def test_backends_agree_with_a_wider_search(path: Path, clips: list[Path]) -> None:
    compare(path, clips[:1], effort=8)


def test_backends_agree_with_the_shipped_weights(clips: list[Path]) -> None:
    compare(find_checkpoint(), clips)


def test_a_file_of_one_backend_decodes_with_the_other(path: Path) -> None:
    ours, theirs = (Codec.load(path, backend=kind) for kind in ("numpy", "torch"))
    data = ours.compress(speech_like(20_000), 22_050)
    np.testing.assert_allclose(theirs.decompress(data)[0], ours.decompress(data)[0], atol=1e-3)


def test_shapes_are_those_of_the_torch_model(model: CodecModel) -> None:
    expected = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    assert tensor_shapes(model.config) == expected


def test_context_is_the_receptive_field_of_the_blocks() -> None:
    config = ModelConfig(kernel=7, encoder_lookahead=(0, 1, 6))
    assert context(config, config.encoder_lookahead) == (6 + 5 + 0, 7)


def test_noise_is_white_and_the_same_wherever_it_begins() -> None:
    whole = noise(0, 200_000)
    np.testing.assert_array_equal(noise(12_345, 500), whole[12_345:12_845])
    assert abs(whole.mean()) < 0.01
    assert abs(whole.std() - 1.0) < 0.01
    power = np.abs(np.fft.rfft(whole.reshape(-1, 1000))) ** 2
    assert np.abs(power[:, 1:-1].mean(0) / 1000 - 1.0).max() < 0.4


def test_weights_lie_side_by_side(path: Path) -> None:
    """Matrices of both trunks in one stretch of memory, none upon another."""
    tensors, config, _ = read_weights(path)
    backend = NumpyBackend(config, tensors)
    parts = [backend.encoder, backend.decoder]
    kept = [part.enter.matrix for part in parts] + [part.leave.matrix for part in parts]
    for part in parts:
        kept += [matrix for block in part.stack.blocks for matrix in (block.widen, block.narrow)]
    for number, matrix in enumerate(kept):
        assert matrix.flags.c_contiguous
        assert not any(np.shares_memory(matrix, other) for other in kept[number + 1 :])
    spread = max(matrix.ctypes.data + matrix.nbytes for matrix in kept)
    spread -= min(matrix.ctypes.data for matrix in kept)
    assert spread <= 4 * sum(value.size + 16 for value in tensors.values())
