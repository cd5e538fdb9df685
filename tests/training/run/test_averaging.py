"""The mean of several checkpoints."""

from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from app.cli import cli
from codec.backends.torch_checkpoint import load_checkpoint, save_checkpoint
from codec.backends.torch_model import CodecModel
from codec.config import ModelConfig
from codec.errors import TrainingError
from training.run.averaging import averaged

CONFIG = ModelConfig(
    trunk_width=8, latent_width=8, num_stages=2, codebook_size=16,
    encoder_lookahead=(0,), decoder_lookahead=(0,),
)  # fmt: skip


def saved(path: Path, value: float, config: ModelConfig = CONFIG) -> Path:
    """A checkpoint all of whose weights are `value`."""
    model = CodecModel(config)
    for weights in model.state_dict().values():
        weights.fill_(value)
    save_checkpoint(path, model, {"title": str(value)})
    return path


@pytest.mark.parametrize(("shares", "mean"), [([1.0, 1.0], 2.0), ([0.75, 0.25], 1.5)])
def test_weights_are_averaged_and_codewords_are_the_last_ones(
    tmp_path: Path, shares: list[float], mean: float
) -> None:
    paths = [saved(tmp_path / f"{n}.safetensors", float(n)) for n in (1, 3)]
    model, metadata = averaged(paths, shares)
    for name, weights in model.state_dict().items():
        expected = 3.0 if "codebooks" in name else mean
        torch.testing.assert_close(weights, torch.full_like(weights, expected))
    assert metadata["title"] == "3.0"


def test_what_has_no_mean(tmp_path: Path) -> None:
    one = saved(tmp_path / "1.safetensors", 1.0)
    other = saved(tmp_path / "2.safetensors", 1.0, ModelConfig(num_stages=3))
    with pytest.raises(TrainingError, match="another model"):
        averaged([one, other], [1.0, 1.0])
    for shares in ([1.0], [0.0, 0.0], [2.0, -1.0]):
        with pytest.raises(TrainingError, match="shares"):
            averaged([one, one], shares)


def test_the_verb_writes_a_checkpoint(tmp_path: Path) -> None:
    paths = [str(saved(tmp_path / f"{n}.safetensors", float(n))) for n in (1, 3)]
    target = tmp_path / "mean.safetensors"
    words = ["average", *paths, "--share", "0.5", "--share", "0.5", "-o", str(target)]
    result = CliRunner().invoke(cli, words)
    assert (result.exit_code, result.stdout) == (0, f"{target}\n")
    model, _, _ = load_checkpoint(target)
    assert float(next(model.encoder.parameters()).detach().flatten()[0]) == 2.0
    again = CliRunner().invoke(cli, words)
    assert again.exit_code == 1
    assert "exists" in again.output
