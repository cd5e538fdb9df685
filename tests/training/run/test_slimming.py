"""A wider model made narrower: what is idle costs nothing, and the rest costs the least it can."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from codec.backends.torch_model import CodecModel
from codec.config import ModelConfig
from codec.errors import TrainingError
from tests.training.run.shaken import shaken, waves
from training.corpora import Corpus
from training.recipe import Recipe
from training.run.elimination import least_loss
from training.run.run import Run
from training.run.slimming import is_narrower, slimmed

NARROW = ModelConfig(
    hop=32,
    latent_width=6,
    trunk_width=8,
    encoder_lookahead=(1, 0),
    encoder_hidden=(7, 5),
    decoder_lookahead=(1, 0),
    decoder_hidden=(6, 9),
    refiner_hop=8,
    refiner_width=8,
    refiner_lookahead=(0, 1),
    refiner_hidden=(5, 4),
    refiner_noise=False,
    codebook_size=8,
    num_stages=3,
)


def heard(model: CodecModel) -> Tensor:
    return model.decode(model.encode(waves()[0]))


def with_idle(model: CodecModel, constant: float = 0.0) -> CodecModel:
    """The same function in more: idle channels among the others, blocks that add a constant, a
    turned latent."""
    config = replace(
        model.config,
        latent_width=11,
        encoder_hidden=(12, 12, 12),
        encoder_lookahead=(1, 0, 0),
        decoder_hidden=(13, 13, 13),
        decoder_lookahead=(1, 0, 0),
        refiner_hidden=(9, 9),
    )
    wide = CodecModel(config).eval()
    turn = torch.linalg.qr(torch.randn(11, 11))[0][:, :6]
    tensors = {name: value.clone() for name, value in model.state_dict().items()}
    for name in ("encoder.linear.weight", "encoder.trunk.leave.weight", "encoder.trunk.leave.bias"):
        tensors[name] = turn @ tensors[name]
    for name in ("decoder.linear.weight", "decoder.trunk.enter.weight", "quantizer.codebooks"):
        tensors[name] = tensors[name] @ turn.T
    target = wide.state_dict()
    with torch.no_grad():
        for name, value in target.items():
            mine = tensors.get(name)
            if mine is None:  # of an idle block
                value.copy_(torch.zeros_like(value) if name.endswith("narrow.weight") else value)
            elif mine.shape == value.shape:
                value.copy_(mine)
            else:  # the idle channels come first and are heard by nobody
                value.zero_() if name.endswith("narrow.weight") else value.normal_()
                value[..., -mine.shape[-1] :][-mine.shape[0] :].copy_(mine)
        for part in ("encoder", "decoder"):
            target[f"{part}.trunk.blocks.2.narrow.bias"][:] = constant * torch.linspace(-1, 1, 8)
    wide.load_state_dict(target)
    return wide


def test_what_is_idle_is_left_out_and_nothing_is_lost() -> None:
    model = shaken(NARROW)
    wide = with_idle(model)
    torch.testing.assert_close(heard(wide), heard(model), rtol=1e-3, atol=1e-4)
    slim = slimmed(wide, NARROW, waves())
    assert slim.config == NARROW
    torch.testing.assert_close(heard(slim), heard(model), rtol=1e-3, atol=1e-4)


def test_the_mean_of_a_block_left_out_stays() -> None:
    wide = with_idle(shaken(NARROW), constant=20.0)
    before = heard(wide)
    assert float((before - heard(with_idle(shaken(NARROW)))).abs().max()) > 0.01
    slim = slimmed(wide, NARROW, waves())
    torch.testing.assert_close(heard(slim), before, rtol=1e-3, atol=1e-4)


def test_no_scale_stays_next_to_nothing() -> None:
    model = shaken(NARROW)
    with torch.no_grad():
        model.decoder.trunk.blocks[1].scale[:2] = torch.tensor([1e-6, 0.0])
    before = heard(model)
    slim = slimmed(model, replace(NARROW, decoder_hidden=(6, 8)), waves())
    scales = torch.cat([block.scale for block in slim.decoder.trunk.blocks])
    assert float(scales.detach().abs().min()) >= 0.049
    torch.testing.assert_close(heard(slim), before, rtol=0.5, atol=0.05)


def test_the_noise_goes_with_its_share_of_each_bin() -> None:
    model = shaken(replace(NARROW, refiner_noise=True))
    assert model.refiner is not None
    assert isinstance(model.refiner.hear_noise, nn.Linear)
    with torch.no_grad():
        model.refiner.hear_noise.weight.zero_()
        rows = slice(4 * model.refiner.num_bins, None)
        model.refiner.leave.weight[rows] = 0.0
        model.refiner.leave.bias[rows] = -60.0
    before = heard(model)
    slim = slimmed(model, NARROW, waves())
    torch.testing.assert_close(heard(slim), before, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("keep", [1, 3, 5])
def test_least_squares_makes_up_for_what_is_left_out(keep: int) -> None:
    torch.manual_seed(keep)
    hidden = torch.randn(400, 5, dtype=torch.float64) @ torch.randn(5, 6, dtype=torch.float64)
    hidden = torch.cat([hidden + torch.randn(6), torch.ones(400, 1)], dim=1)
    weight = torch.randn(7, 3, dtype=torch.float64)
    moments = hidden.T @ hidden / len(hidden)
    kept, made = least_loss(moments, weight, keep)
    wanted = hidden @ weight

    def loss(channels: Tensor, rows: Tensor | None = None) -> float:
        given = hidden[:, [*channels, 6]]
        best = torch.linalg.lstsq(given, wanted).solution if rows is None else rows
        return float((given @ best - wanted).square().mean())

    assert loss(kept, made) == pytest.approx(loss(kept), rel=1e-3, abs=1e-6)
    every = sorted(loss(torch.tensor(c)) for c in combinations(range(6), keep))
    assert loss(kept) <= every[len(every) // 3] + 1e-6  # greedy, but never far from the best


@pytest.mark.parametrize(
    "wider",
    [
        {"latent_width": 7},
        {"encoder_hidden": (8, 5)},
        {"refiner_noise": True},
        {"refiner_width": 9},
    ],
)
def test_only_less_of_what_was_there_is_narrower(wider: dict[str, object]) -> None:
    other = replace(NARROW, **wider)  # type: ignore[arg-type]
    assert is_narrower(NARROW, other)
    assert not is_narrower(other, NARROW)
    assert not is_narrower(NARROW, NARROW)
    assert not is_narrower(NARROW, replace(NARROW, refiner_lookahead=(1, 1)))
    for other_width in ({"trunk_width": 6}, {"refiner_hop": 16}, {"kernel": 5}, {"hop": 64}):
        assert not is_narrower(replace(NARROW, **other_width), other)  # type: ignore[arg-type]
    unrefined = replace(NARROW, refiner_lookahead=(), refiner_hidden=())
    assert not is_narrower(unrefined, other)
    assert not is_narrower(unrefined, replace(unrefined, refiner_width=9))


def test_a_block_that_is_kept_can_be_too_narrow() -> None:
    wide = shaken(replace(NARROW, decoder_hidden=(4, 30)))
    with pytest.raises(TrainingError, match=r"block 0 of the decoder, .* has 4 hidden channels"):
        slimmed(wide, NARROW, waves())


def test_a_run_starts_from_a_wider_checkpoint(
    recipe: Recipe, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.run.initial_weights._BATCHES", 3)
    wide = Run(recipe, corpus)
    wide.start()
    wide.export(tmp_path / "wide.safetensors")
    blocks = len(recipe.model.decoder_lookahead)
    model = replace(recipe.model, decoder_hidden=(3,) * blocks, latent_width=4)
    narrow = Run(replace(recipe, model=model), corpus)
    narrow.start_from(str(tmp_path / "wide.safetensors"))
    assert narrow.state.model.decoder.trunk.blocks[0].narrow.in_features == 3
    narrow.train_step()
    narrow.export(tmp_path / "narrow.safetensors")
    with pytest.raises(TrainingError, match="another model"):
        wide.start_from(str(tmp_path / "narrow.safetensors"))
