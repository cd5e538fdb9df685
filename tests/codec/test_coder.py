"""Waves pushed in pieces give the codes, and codes the samples, of the whole."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from codec import Codec, ModelMismatchError
from codec.bitstream import Header


def speech_like(num_samples: int, num_channels: int = 2) -> np.ndarray:
    wave = np.random.default_rng(num_samples).standard_normal((num_channels, num_samples))
    return (0.1 * wave).astype(np.float32)


def pieces(array: np.ndarray, size: int) -> list[np.ndarray]:
    return [array[..., start : start + size] for start in range(0, array.shape[-1], size)]


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_pieces_of_a_wave_give_its_codes(toy: Codec, rate: int) -> None:
    wave = speech_like(2 * rate + 77)
    expected = toy.encode(wave, rate)
    encoder = toy.file_encoder(toy.header(rate, 2, 4))
    codes = [encoder.push(piece) for piece in pieces(wave, 1_001)]
    np.testing.assert_array_equal(np.concatenate([*codes, encoder.finish()], axis=2), expected)
    assert encoder.num_samples == wave.shape[1]


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_pieces_of_codes_give_the_wave(toy: Codec, rate: int) -> None:
    wave = speech_like(2 * rate + 77)
    data = toy.compress(wave, rate)
    expected = toy.decompress(data)[0]
    codes = toy.encode(wave, rate)
    header = Header(toy.model_id, rate, 2, wave.shape[1], 4, toy.config.code_bits)
    decoder = toy.file_decoder(header)
    waves = [decoder.push(piece) for piece in pieces(codes, 7)]
    np.testing.assert_array_equal(np.concatenate([*waves, decoder.finish()], axis=1), expected)


def test_channels_at_a_high_rate_are_never_in_memory_together(toy: Codec) -> None:
    codes = np.random.default_rng(0).integers(0, toy.config.codebook_size, (8, 4, 301))
    header = Header(toy.model_id, 655_350, 8, 6 * 655_350 - 9, 4, toy.config.code_bits)
    decoder, other = toy.file_decoder(header), toy.file_decoder(header)
    waves = [*decoder.pieces(codes), *decoder.last_pieces()]
    assert max(wave.size for wave in waves) < 1.1 * 2**20
    expected = np.concatenate([other.push(codes), other.finish()], axis=1)
    assert expected.shape == (8, 6 * 655_350 - 9)
    np.testing.assert_array_equal(np.concatenate(waves, axis=1), expected)


def test_codes_come_while_the_wave_does(toy: Codec) -> None:
    encoder = toy.file_encoder(toy.header(16_000, 1, 4))
    frames = sum(encoder.push(speech_like(16_000, 1)).shape[2] for _ in range(8))
    assert 200 < frames < 400
    decoder = toy.file_decoder(toy.header(16_000, 1, 4))
    assert decoder.push(np.zeros((1, 4, 200), int)).shape[1] == 0  # a length of 0 is kept to


def test_a_decoder_of_another_model_is_refused(toy: Codec) -> None:
    with pytest.raises(ModelMismatchError):
        toy.file_decoder(Header(bytes(8), 16_000, 1, 100, 4, toy.config.code_bits))


def test_coding_never_imports_torch(toy_path: Path) -> None:
    script = (
        "import sys, numpy\n"
        "from codec import Codec\n"
        f"codec = Codec.load({str(toy_path)!r})\n"
        "wave = 0.1 * numpy.random.default_rng(0).standard_normal(9_000)\n"
        "assert codec.decompress(codec.compress(wave, 8_000))[0].shape == (1, 9_000)\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)
