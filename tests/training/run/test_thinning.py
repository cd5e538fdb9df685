"""A refiner made thinner: it loses what is idle first, and what stays makes up for the rest."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from codec.backends.torch_model import CodecModel
from codec.backends.torch_refiner import Refiner
from codec.config import ModelConfig
from tests.training.run.shaken import shaken, waves
from training.run.slimming import slimmed
from training.run.thinning import thinned

CONFIG = ModelConfig(
    hop=32,
    latent_width=6,
    trunk_width=8,
    encoder_lookahead=(0,),
    decoder_lookahead=(0,),
    refiner_hop=8,
    refiner_width=12,
    refiner_lookahead=(0, 1),
    refiner_hidden=(9, 7),
    refiner_noise=True,
    codebook_size=8,
    num_stages=3,
)
IDLE = (2, 7, 8)


@pytest.fixture
def model() -> CodecModel:
    return shaken(CONFIG, by=0.1, seed=5)


def refiner_of(model: CodecModel) -> Refiner:
    assert model.refiner is not None
    return model.refiner


def run(model: CodecModel) -> Tensor:
    """Noise, coded and decoded. Shape: -> [4, 1, T]."""
    torch.manual_seed(6)
    with torch.no_grad():
        return model.decode(model.encode(0.3 * torch.randn(4, 1, 2_000)))


def given(model: CodecModel) -> Tensor:
    """What the refiner's last layer gives in `run`. Shape: -> [4, F, outputs]."""
    found: list[Tensor] = []
    hook = refiner_of(model).leave.register_forward_hook(lambda _, __, out: found.append(out))
    run(model)
    hook.remove()
    return found[0]


def make_idle(refiner: Refiner) -> None:
    """Nothing is ever in these channels, and nobody reads them."""
    with torch.no_grad():
        for idle in IDLE:
            refiner.enter.weight[idle], refiner.enter.bias[idle] = 0.0, 0.0
            refiner.see.weight[idle :: CONFIG.refiner_width] = 0.0
            refiner.see.bias[idle :: CONFIG.refiner_width] = 0.0
            assert refiner.hear_noise is not None
            refiner.hear_noise.weight[idle] = 0.0
            refiner.leave.weight[:, idle] = 0.0
            for block in refiner.blocks:
                block.scale[idle], block.over_time.bias[idle] = 0.0, 0.0  # type: ignore[index, union-attr]
                block.widen.weight[:, idle] = 0.0  # type: ignore[index, union-attr]


def test_idle_channels_go_first_and_hardly_anything_is_lost(model: CodecModel) -> None:
    make_idle(refiner_of(model))
    before, kept = given(model), refiner_of(model).enter.weight.detach().clone()
    thinned(refiner_of(model), CONFIG.refiner_width - len(IDLE), lambda: run(model))
    others = [row for row in range(CONFIG.refiner_width) if row not in IDLE]
    assert torch.equal(refiner_of(model).enter.weight, kept[others])
    off = (given(model) - before).square().mean() / before.var(dim=(0, 1)).mean()
    assert float(off) < 0.01


def test_what_stays_makes_up_for_what_goes(model: CodecModel) -> None:
    before = given(model)
    thinned(refiner_of(model), 9, lambda: run(model))
    fitted = given(model)
    worse = 0
    for layer in (refiner_of(model).leave, refiner_of(model).blocks[1].widen):
        assert isinstance(layer, nn.Linear)
        with torch.no_grad():
            layer.weight *= 0.9
        worse += int((given(model) - before).square().mean() > (fitted - before).square().mean())
        with torch.no_grad():
            layer.weight /= 0.9
    assert worse == 2
    power = before.var(dim=(0, 1)).mean()
    assert 1e-6 < float((fitted - before).square().mean() / power) < 0.3


def test_what_only_a_block_needs_is_kept(model: CodecModel) -> None:
    needed = 4
    with torch.no_grad():
        refiner_of(model).leave.weight[:, needed] = 0.0
        for block in refiner_of(model).blocks:
            block.widen.weight[:, needed] *= 20.0  # type: ignore[index, union-attr]
    kept = refiner_of(model).enter.weight[needed].detach().clone()
    thinned(refiner_of(model), 6, lambda: run(model))
    assert any(torch.equal(row, kept) for row in refiner_of(model).enter.weight)


def test_a_slimmed_model_is_one_of_its_config(model: CodecModel) -> None:
    config = replace(CONFIG, refiner_width=9, refiner_hidden=(5, 6))
    slim = slimmed(model, config, waves())
    assert (slim.config.refiner_width, slim.config.refiner_hidden) == (9, (5, 6))
    assert run(slim).shape == run(model).shape
    assert refiner_of(slim).see.weight.shape == (4 * 9, 8)
