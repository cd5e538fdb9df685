"""Weights of a model with other look-aheads or stages: what a start from them keeps."""

from dataclasses import replace
from pathlib import Path

import torch

from training.corpora import Corpus
from training.recipe import Recipe
from training.run.run import Run


def with_model(recipe: Recipe, **settings: object) -> Recipe:
    return replace(recipe, model=replace(recipe.model, **settings))  # type: ignore[arg-type]


def test_a_kernel_keeps_its_taps_in_time(recipe: Recipe, corpus: Corpus, tmp_path: Path) -> None:
    ahead = Run(with_model(recipe, decoder_lookahead=(2,)), corpus)
    kernel = ahead.state.model.decoder.trunk.blocks[0].over_time.weight  # [C, 1, k]
    with torch.no_grad():
        kernel[..., -2:] = 0.0  # blind to the two frames ahead
    ahead.state.average.load_state_dict(ahead.state.model.state_dict())
    ahead.export(tmp_path / "weights.safetensors")
    behind = Run(with_model(recipe, decoder_lookahead=(0,)), corpus)
    behind.start_from(str(tmp_path / "weights.safetensors"))
    latent = torch.randn(1, recipe.model.latent_width, 20)
    with torch.no_grad():
        same = [run.state.model.synthesise(latent) for run in (ahead, behind)]
    assert torch.allclose(*same, atol=2e-3)  # a checkpoint holds 16-bit weights


def test_what_was_ahead_counts_as_the_last_frame_seen(
    recipe: Recipe, corpus: Corpus, tmp_path: Path
) -> None:
    ahead = Run(with_model(recipe, decoder_lookahead=(2,)), corpus)
    ahead.state.average.load_state_dict(ahead.state.model.state_dict())
    ahead.export(tmp_path / "weights.safetensors")
    behind = Run(with_model(recipe, decoder_lookahead=(0,)), corpus)
    behind.start_from(str(tmp_path / "weights.safetensors"))
    sums = [
        run.state.model.decoder.trunk.blocks[0].over_time.weight.sum(-1) for run in (ahead, behind)
    ]
    assert torch.allclose(*sums, atol=2e-2)


def test_a_refiner_begins_as_hardly_a_change(
    recipe: Recipe, corpus: Corpus, tmp_path: Path
) -> None:
    plain = Run(recipe, corpus)
    plain.start()
    plain.export(tmp_path / "weights.safetensors")
    refined = Run(with_model(recipe, refiner_lookahead=(1,), refiner_width=8), corpus)
    refined.start_from(str(tmp_path / "weights.safetensors"))
    wave = plain.batches.draw(0)
    codes = refined.state.model.encode(wave)
    before, after = plain.state.model.decode(codes), refined.state.model.decode(codes)
    assert float((after - before).norm()) < 0.05 * float(before.norm())


def test_stages_more_begin_with_what_those_before_leave(
    recipe: Recipe, corpus: Corpus, tmp_path: Path
) -> None:
    plain = Run(recipe, corpus)
    plain.start()
    plain.export(tmp_path / "weights.safetensors")
    known = recipe.model.num_stages
    deeper = Run(with_model(recipe, num_stages=known + 2), corpus)
    told = deeper.start_from(str(tmp_path / "weights.safetensors"))
    assert told == [f"new codewords for stages {known + 1} to {known + 2}"]
    books = deeper.state.average.quantizer
    torch.testing.assert_close(
        books.codewords()[:known], plain.state.average.quantizer.codewords(), atol=2e-3, rtol=2e-3
    )
    latent = deeper.state.average.analyse(plain.batches.draw(0))
    left = books.errors(latent, books.encode(latent)).sum((0, 2))
    assert left[known + 1] < 0.95 * left[known] < 0.9 * left[known - 1]


def test_of_more_stages_the_first_are_taken(recipe: Recipe, corpus: Corpus, tmp_path: Path) -> None:
    plain = Run(recipe, corpus)
    plain.start()
    plain.export(tmp_path / "weights.safetensors")
    fewer = Run(with_model(recipe, num_stages=1), corpus)
    assert fewer.start_from(str(tmp_path / "weights.safetensors")) == []
    torch.testing.assert_close(
        fewer.state.model.quantizer.codewords()[0],
        plain.state.model.quantizer.codewords()[0],
        atol=2e-3,
        rtol=2e-3,
    )


def test_a_refiner_with_more_channels_or_noise_again_begins_anew(
    recipe: Recipe, corpus: Corpus, tmp_path: Path
) -> None:
    refiner = {"refiner_lookahead": (1,), "refiner_width": 8}
    first = Run(with_model(recipe, **refiner, refiner_hidden=(3,), refiner_noise=False), corpus)
    first.start()
    first.export(tmp_path / "weights.safetensors")
    for more in (
        {"refiner_hidden": (9,)},
        {"refiner_noise": True},
        {"refiner_lookahead": (), "refiner_hidden": ()},
    ):
        other = Run(with_model(recipe, **(refiner | {"refiner_hidden": (3,)} | more)), corpus)
        other.start_from(str(tmp_path / "weights.safetensors"))
        mine, theirs = (run.state.model.decoder.linear.weight for run in (first, other))
        assert torch.allclose(mine, theirs, atol=2e-3)


def test_a_refiner_with_other_settings_begins_anew(
    recipe: Recipe, corpus: Corpus, tmp_path: Path
) -> None:
    first = Run(with_model(recipe, refiner_lookahead=(3,), refiner_width=8), corpus)
    with torch.no_grad():
        first.state.model.refiner.see.weight.fill_(7.0)
        kernel = first.state.model.refiner.blocks[0].over_time.weight.copy_(torch.randn(8, 1, 7))
    first.state.average.load_state_dict(first.state.model.state_dict())
    first.export(tmp_path / "weights.safetensors")
    for settings, kept in (
        ({"refiner_lookahead": (3,)}, True),
        ({"refiner_lookahead": (0,)}, True),
        ({"refiner_lookahead": (3, 0)}, False),
        ({"refiner_lookahead": (3,), "refiner_hop": recipe.model.hop // 8}, False),
    ):
        run = Run(with_model(recipe, refiner_width=8, **settings), corpus)
        run.start_from(str(tmp_path / "weights.safetensors"))
        assert bool((run.state.model.refiner.see.weight == 7.0).all()) == kept
        sums = run.state.model.refiner.blocks[0].over_time.weight.sum(-1)
        assert torch.allclose(sums, kernel.sum(-1), atol=2e-2) == kept
