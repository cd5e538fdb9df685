"""Codes searched for where a frame takes more stages: the same as if all had been searched."""

import numpy as np
import pytest

from codec import Codec
from codec.allocation import allocate, threshold_for
from codec.deepening import Deepening


@pytest.fixture(params=["numpy", "torch"])
def codec(request: pytest.FixtureRequest, toy_path: str) -> Codec:
    return Codec.load(toy_path, backend=request.param)


def latents(codec: Codec) -> np.ndarray:
    """Of frames from soft to loud. Shape: -> [F, D]."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((200, codec.config.latent_width)) * rng.exponential(1.0, (200, 1))
    return rows.astype(np.float32)


@pytest.mark.parametrize("begun", [1, 2, 3])
@pytest.mark.parametrize("mean", [1.3, 2.5, 3.7])
def test_codes_and_stages_are_those_of_a_search_of_all(
    codec: Codec, begun: int, mean: float
) -> None:
    rows, depth = latents(codec), codec.config.num_stages
    total = int(mean * len(rows))
    whole = codec.backend.quantize(rows, depth)
    errors = codec.backend.errors(rows, whole)
    wanted = allocate(errors, threshold_for(errors, total))
    search = Deepening(codec.backend, rows, codec.backend.quantize(rows, begun), depth)
    while search.deepen(found := allocate(search.errors, threshold_for(search.errors, total))):
        pass
    np.testing.assert_array_equal(found, wanted)
    kept = np.arange(depth)[:, None] < wanted
    np.testing.assert_array_equal(search.codes[kept], whole[kept])
    np.testing.assert_allclose(search.errors[kept], errors[kept], rtol=1e-3)


def test_only_frames_that_take_more_are_searched(codec: Codec) -> None:
    rows, depth = latents(codec), codec.config.num_stages
    search = Deepening(codec.backend, rows, codec.backend.quantize(rows, 2), depth)
    stages = np.where(np.arange(len(rows)) < 5, depth, 1)
    assert search.deepen(stages)
    assert (search.codes[2:] >= 0).sum() == 5 * (depth - 2)
    assert not search.deepen(stages)


def test_errors_of_nothing_are_guessed_to_be_nothing(codec: Codec) -> None:
    rows = np.zeros((7, codec.config.latent_width), np.float32)
    search = Deepening(codec.backend, rows, codec.backend.quantize(rows, 2), 4)
    assert np.isfinite(search.errors).all()
