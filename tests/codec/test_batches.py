"""Lists of waves and codes: each item as if it were alone."""

import numpy as np
import pytest
import torch

from codec import AudioError, BitstreamError, Codec, CorruptError


def random_waves(random: np.random.Generator) -> list[np.ndarray]:
    lengths = random.integers(0, 9_000, random.integers(1, 6))
    return [
        (0.1 * random.standard_normal((random.integers(1, 3), length))).astype(np.float32)
        for length in lengths
    ]


def test_a_batch_has_the_codes_of_its_items(toy: Codec) -> None:
    random = np.random.default_rng(0)
    for _ in range(200):
        waves, stages = random_waves(random), int(random.integers(1, 5))
        batch = toy.encode(waves, 16_000, num_stages=stages)
        singles = [toy.encode(wave, 16_000, num_stages=stages) for wave in waves]
        assert len(batch) == len(waves)
        for together, alone in zip(batch, singles, strict=True):
            np.testing.assert_array_equal(together, alone)


def test_decoding_a_batch_is_decoding_its_items(toy: Codec) -> None:
    random = np.random.default_rng(1)
    codes = [random.integers(0, 64, (1, stages, 5 * stages)) for stages in (1, 4, 2)]
    for together, one in zip(toy.decode(codes), codes, strict=True):
        np.testing.assert_array_equal(together, toy.decode(one))
    assert toy.decode([]) == []
    assert toy.encode((), 16_000) == []


def test_tensors_give_tensors(toy: Codec) -> None:
    codes = toy.encode([torch.zeros(500), torch.zeros(1, 900)], 16_000)
    assert [tuple(one.shape) for one in codes] == [(1, 4, 3), (1, 4, 4)]
    assert all(isinstance(wave, torch.Tensor) for wave in toy.decode(codes))


def test_the_item_at_fault_is_named(toy: Codec) -> None:
    with pytest.raises(AudioError, match=r"wave 1 of 2: .*NaN"):
        toy.encode([np.zeros(5), np.full(5, np.nan)], 16_000)
    with pytest.raises(BitstreamError, match="item 0 of 1"):
        toy.decode([np.full((1, 1, 3), 64)])


def test_codes_of_a_file_without_the_network(toy: Codec) -> None:
    wave = (0.1 * np.random.default_rng(0).standard_normal((2, 40_000))).astype(np.float32)
    data = toy.compress(wave, 22_050)
    expected = toy.encode(wave, 22_050)
    np.testing.assert_array_equal(Codec.codes(data), expected)
    np.testing.assert_array_equal(toy.codes(data, 2), expected[:, :2])
    with pytest.raises(CorruptError):
        Codec.codes(data[:-1])
