"""Lists of waves and codes: each item as if it were alone."""

from pathlib import Path

import numpy as np
import pytest
import torch

from codec import AudioError, BitstreamError, Codec, CorruptError, batches
from codec.backends.torch_backend import TorchBackend


def random_waves(random: np.random.Generator) -> list[np.ndarray]:
    lengths = random.integers(0, 9_000, random.integers(1, 6))
    return [
        (0.1 * random.standard_normal((random.integers(1, 3), length))).astype(np.float32)
        for length in lengths
    ]


def check_batches(codec: Codec) -> None:
    """200 random batches, each against its items alone."""
    random = np.random.default_rng(0)
    for _ in range(200):
        waves, stages = random_waves(random), int(random.integers(1, codec.config.num_stages + 1))
        batch = codec.encode(waves, 16_000, num_stages=stages)
        singles = [codec.encode(wave, 16_000, num_stages=stages) for wave in waves]
        assert len(batch) == len(waves)
        for together, alone in zip(batch, singles, strict=True):
            np.testing.assert_array_equal(together, alone)


def test_a_batch_has_the_codes_of_its_items(toy: Codec) -> None:
    check_batches(toy)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_a_batch_has_the_codes_of_its_items_with_the_shipped_weights(backend: str) -> None:
    check_batches(Codec.load(backend=backend))


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


@pytest.fixture
def together(monkeypatch: pytest.MonkeyPatch) -> Codec:
    """The shipped codec, computing lists at once as on a GPU."""
    codec = Codec.load(backend="torch")
    assert isinstance(codec.backend, TorchBackend)
    assert codec.backend.can_batch
    assert not codec.backend.together
    monkeypatch.setattr(TorchBackend, "together", True)
    monkeypatch.setattr(batches, "BATCH_S", 1.0)
    return codec


def differing(codec: Codec, rounds: int) -> float:
    """The rate of codes that a wave has in a list and not alone."""
    random, differ, total = np.random.default_rng(2), 0, 0
    for _ in range(rounds):
        waves, rate = random_waves(random), int(random.choice([8_000, 16_000, 44_100]))
        for one, wave in zip(codec.encode(waves, rate), waves, strict=True):
            alone = codec.encode(wave, rate)
            assert one.shape == alone.shape
            differ, total = differ + int((one != alone).sum()), total + alone.size
    return differ / total


def test_waves_computed_at_once_have_the_codes_of_each(together: Codec) -> None:
    rate = differing(together, 40)
    print(f"{rate:.5%} of the codes differ")
    assert rate < 0.001


def test_padding_that_an_encoder_would_see_is_never_added(toy_checkpoint: Path) -> None:
    backend = Codec.load(toy_checkpoint, backend="torch").backend
    assert isinstance(backend, TorchBackend)
    assert any(backend.config.encoder_lookahead)
    assert not backend.can_batch


def test_a_wave_at_fault_is_named_among_those_computed_at_once(together: Codec) -> None:
    with pytest.raises(AudioError, match=r"wave 1 of 2: .*NaN"):
        together.encode([np.zeros(5), np.full(5, np.nan)], 16_000)
    with pytest.raises(AudioError, match=r"wave 0 of 1: .*Hz"):
        together.encode([np.zeros(5)], 5)


def test_long_waves_and_tensors_among_those_computed_at_once(
    together: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "LONGEST_S", 0.5)
    short, long = torch.zeros(2, 900), torch.zeros(9_000)
    codes = together.encode([long, short], 16_000)
    stages = together.config.num_stages
    assert [tuple(one.shape) for one in codes] == [(1, stages, 30), (2, stages, 4)]
    assert all(isinstance(one, torch.Tensor) for one in codes)


@pytest.mark.gpu
def test_a_batch_on_a_gpu_has_nearly_the_codes_of_a_cpu() -> None:
    """With the shipped weights: at most one code in a hundred is another one."""
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    here, there = Codec.load(backend="torch"), Codec.load(device="cuda")
    assert there.backend.together
    random, differ, total = np.random.default_rng(3), 0, 0
    for _ in range(50):
        waves = random_waves(random)
        for one, wave in zip(there.encode(waves, 16_000), waves, strict=True):
            alone = here.encode(wave, 16_000)
            differ, total = differ + int((one != alone).sum()), total + alone.size
    assert differ < 0.01 * total
