"""Windows give what one pass gives."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pytest
import torch

from codec import Codec
from codec.config import ModelConfig
from codec.windows import context, decode_windows, encode_windows, window_frames

HOP = 320
LENGTHS = [0, 1, HOP - 1, HOP, HOP + 1, 2 * HOP, 2 * HOP + 1, 10 * HOP, 47 * HOP, 20_000]


def window_sizes(num_samples: int) -> list[int]:
    return [1, 2, 7, 1_500] if num_samples <= 10 * HOP else [20, 33]


def noise(num_samples: int, num_channels: int = 2) -> np.ndarray:
    wave = np.random.default_rng(num_samples).standard_normal((num_channels, num_samples))
    return (0.1 * wave).astype(np.float32)


def cut(array: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for start in range(0, array.shape[-1], size):
        yield array[..., start : start + size]


def joined(blocks: Iterable[np.ndarray], empty: tuple[int, ...]) -> np.ndarray:
    return np.concatenate([np.zeros(empty, np.int64), *blocks], axis=-1)


def each(run: Callable[[torch.Tensor], torch.Tensor], channels: np.ndarray) -> np.ndarray:
    return np.concatenate([run(torch.from_numpy(one.copy())[None]).numpy() for one in channels])


@pytest.mark.parametrize("num_samples", LENGTHS)
def test_codes_of_windows_are_those_of_one_pass(toy: Codec, num_samples: int) -> None:
    wave, stages = noise(num_samples), toy.config.num_stages
    expected = np.zeros((2, stages, 0), np.int64)
    if num_samples:
        expected = each(toy.model.encode, wave[:, None])
    assert expected.shape[-1] == toy.config.num_frames(num_samples)
    for frames in window_sizes(num_samples):
        windows = encode_windows(toy.model, cut(wave, 777), stages, frames)
        np.testing.assert_array_equal(joined(windows, (2, stages, 0)), expected)


@pytest.mark.parametrize("num_samples", LENGTHS[1:])
def test_waves_of_windows_are_those_of_one_pass(toy: Codec, num_samples: int) -> None:
    shape = (2, toy.config.num_stages, toy.config.num_frames(num_samples))
    codes = np.random.default_rng(0).integers(0, toy.config.codebook_size, shape)
    expected = each(toy.model.decode, codes)[:, 0]
    for frames in window_sizes(num_samples):
        windows = decode_windows(toy.model, cut(codes, 13), frames)
        np.testing.assert_allclose(joined(windows, (2, 0)), expected, atol=1e-4)


def test_context_is_the_receptive_field_of_the_blocks() -> None:
    config = ModelConfig(kernel=7, encoder_lookahead=(0, 1, 6))
    assert context(config, config.encoder_lookahead) == (6 + 5 + 0, 7)


def test_windows_shrink_for_many_channels() -> None:
    assert window_frames(ModelConfig(), 1) == window_frames(ModelConfig(), 8) == 1_500
    assert window_frames(ModelConfig(), 255) == 47
