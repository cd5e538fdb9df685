"""Codebooks fitted to a network as it is."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from click.testing import CliRunner

from app.cli import cli
from codec.backends.torch_checkpoint import load_checkpoint, save_checkpoint
from codec.backends.torch_model import CodecModel
from codec.config import ModelConfig
from codec.errors import TrainingError
from training.run.refitting import Left, refit, with_stages

CONFIG = ModelConfig(
    trunk_width=8, latent_width=8, num_stages=2, codebook_size=16,
    encoder_lookahead=(0,), decoder_lookahead=(0,),
)  # fmt: skip


def model() -> CodecModel:
    torch.manual_seed(0)
    return CodecModel(CONFIG)


def left_over(fitted: CodecModel, latents: torch.Tensor) -> list[float]:
    """What each stage leaves of the latents' power, by the search that encodes."""
    rows = latents.T[None]
    errors = fitted.quantizer.errors(rows, fitted.quantizer.encode(rows))
    return (errors.sum((0, 2)) / latents.square().sum()).tolist()


def test_every_stage_leaves_less_and_what_is_told_is_true() -> None:
    wide = model()
    latents = torch.randn(2_000, 8)
    before = left_over(wide, latents)
    fitted = with_stages(wide, 2)
    told = list(refit(fitted, latents, known=2))
    assert [left.stage for left in told] == [1, 2]
    assert [left.before for left in told] == pytest.approx(before, rel=1e-4)
    assert [left.now for left in told] == pytest.approx(left_over(fitted, latents), rel=1e-4)
    assert all(left.now < 0.9 * left.before for left in told)


def test_codewords_that_are_out_of_use_begin_anew() -> None:
    wide = model()
    with torch.no_grad():
        wide.quantizer.codebooks[0, 1:] = 1e3
    latents = torch.randn(2_000, 8)
    fitted = with_stages(wide, 2)
    list(refit(fitted, latents, known=2))
    codes = fitted.quantizer.encode(latents.T[None])
    assert len(codes[0, 0].unique()) == 16


def test_more_stages_and_fewer() -> None:
    deeper = with_stages(model(), 4)
    latents = torch.randn(2_000, 8)
    told = list(refit(deeper, latents, known=2))
    assert [np.isnan(left.before) for left in told] == [False, False, True, True]
    left = left_over(deeper, latents)
    assert left[3] < 0.9 * left[2] < 0.8 * left[1]
    fewer = with_stages(model(), 1)
    assert fewer.config.num_stages == 1
    torch.testing.assert_close(fewer.quantizer.codewords(), model().quantizer.codewords()[:1])
    for name, value in model().state_dict().items():
        if "codebooks" not in name:
            torch.testing.assert_close(fewer.state_dict()[name], value)


def test_too_few_frames_are_refused() -> None:
    with pytest.raises(TrainingError, match="63 frames for codebooks of 16 codewords"):
        list(refit(with_stages(model(), 2), torch.randn(63, 8), known=2))


def test_by_command(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "a.safetensors", model(), {"title": "short"})
    (tmp_path / "clips").mkdir()
    noise = np.random.default_rng(0).normal(0.0, 0.1, 64_000)
    soundfile.write(tmp_path / "clips" / "a.wav", noise, 16_000)
    out = tmp_path / "b.safetensors"
    words = ["refit", str(tmp_path / "a.safetensors"), "--data", str(tmp_path / "clips")]
    words += ["--num-stages", "3", "-o", str(out)]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output
    assert "stage 1: " in done.stdout
    assert " -> " in done.stdout
    assert "stage 3: 0." in done.stdout
    fitted, _, metadata = load_checkpoint(out)
    assert fitted.config.num_stages == 3
    assert metadata["title"] == "short"
    assert CliRunner().invoke(cli, words).exit_code == 1  # it exists
    assert isinstance(next(refit(fitted, torch.randn(100, 8), 3)), Left)
