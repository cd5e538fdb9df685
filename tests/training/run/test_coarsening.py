"""A refiner with fewer frames: each gives what the frame under the same window gave."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from codec.backends.torch_model import CodecModel
from codec.config import ModelConfig
from tests.training.run.shaken import shaken, waves
from training.run.coarsening import coarsened, is_coarser
from training.run.slimming import is_narrower, slimmed

FINE = ModelConfig(
    hop=64,
    latent_width=6,
    trunk_width=8,
    encoder_lookahead=(0,),
    decoder_lookahead=(0,),
    refiner_hop=8,
    refiner_overlap=8,
    refiner_width=5,
    refiner_lookahead=(2, 0),
    refiner_noise=False,
    codebook_size=8,
    num_stages=3,
)
TIMES = (2, 4)


def coarse(times: int) -> ModelConfig:
    return replace(FINE, refiner_hop=8 * times, refiner_overlap=8 // times)


@pytest.fixture
def model() -> CodecModel:
    return shaken(FINE, by=0.1)


def given(model: CodecModel, *, look_at: str) -> Tensor:
    """What a layer of the refiner gives. Shape: -> [2, F, outputs]."""
    assert model.refiner is not None
    found: list[Tensor] = []
    layer: nn.Module = model.refiner.get_submodule(look_at)
    hook = layer.register_forward_hook(lambda _, __, out: found.append(out))
    torch.manual_seed(6)
    with torch.no_grad():
        hidden = torch.randn(2, 32, 8)
        model.refiner(torch.randn(2, 1, 64 * 30), hidden, torch.zeros(2, 64 * 31))
    hook.remove()
    return found[0]


@pytest.mark.parametrize("times", TIMES)
def test_frames_under_the_same_windows_see_the_same(model: CodecModel, times: int) -> None:
    other = coarsened(model, coarse(times))
    fine, few = (given(m, look_at="enter") for m in (model, other))
    torch.testing.assert_close(few, fine[:, times - 1 :: times])
    fine, few = (given(m, look_at="see").reshape(2, -1, 5) for m in (model, other))
    torch.testing.assert_close(few, fine[:, times - 1 :: times])


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("block", [0, 1])
def test_a_kernel_sees_what_changes_evenly_as_before(
    model: CodecModel, times: int, block: int
) -> None:
    """On a straight line, linear interpolation makes no error."""
    line = torch.linspace(-1.0, 1.0, 161).expand(1, 5, 161)
    name = f"refiner.blocks.{block}.over_time"
    fine, few = (m.get_submodule(name) for m in (model, coarsened(model, coarse(times))))
    ahead = FINE.refiner_lookahead[block]
    with torch.no_grad():
        before, now = fine(line), few(line[..., ::times])
    rows = torch.arange(10, 30)  # of the coarse frames, away from both ends
    start = FINE.kernel - 1 - ahead
    torch.testing.assert_close(now[..., rows - start], before[..., times * rows - start])


def test_it_is_one_of_the_ways_to_be_narrower(model: CodecModel) -> None:
    config = replace(coarse(2), refiner_hidden=(4, 3), latent_width=5)
    assert is_narrower(config, FINE)
    assert not is_narrower(FINE, config)
    assert not is_narrower(replace(FINE, refiner_hop=16), FINE)
    slim = slimmed(model, config, waves()).config
    assert (slim.refiner_hop, slim.refiner_overlap, slim.refiner_hidden) == (16, 4, (4, 3))
    assert slim.latent_width == 5


def test_only_fewer_of_the_same_windows_are_coarser() -> None:
    assert is_coarser(coarse(2), FINE)
    assert not is_coarser(FINE, coarse(2))
    assert not is_coarser(FINE, FINE)
    assert not is_coarser(replace(FINE, refiner_hop=16), FINE)  # longer windows
    noisy = {"refiner_noise": True}
    assert not is_coarser(replace(coarse(2), **noisy), replace(FINE, **noisy))  # type: ignore[arg-type]
