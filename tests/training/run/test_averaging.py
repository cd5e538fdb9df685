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


def test_parts_that_are_not_averaged_stay_the_last_ones(tmp_path: Path) -> None:
    one, other = (str(saved(tmp_path / f"{n}.safetensors", float(n))) for n in (1, 3))
    mixed = tmp_path / "mixed.safetensors"
    words = ["average", one, other, "--part", "decoder", "-o", str(mixed)]
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == 0, result.output
    weights = load_checkpoint(mixed)[0].state_dict()
    expected = {"encoder": 3.0, "decoder": 2.0, "quantizer": 3.0}
    assert {name.split(".")[0]: float(value.max()) for name, value in weights.items()} == expected


def test_a_part_that_is_not_there(tmp_path: Path) -> None:
    one = saved(tmp_path / "1.safetensors", 1.0)
    with pytest.raises(TrainingError, match="without a refiner"):
        averaged([one, one], [1.0, 1.0], ["refiner"])


def test_what_any_of_them_was_trained_on_is_told(tmp_path: Path) -> None:
    paths = []
    for number, families in enumerate(("pesq", "mel, stoi", "wave")):
        paths.append(tmp_path / f"{number}.safetensors")
        save_checkpoint(paths[-1], CodecModel(CONFIG), {"trained_on": families})
    assert averaged(paths, [1.0, 0.0, 1.0])[1]["trained_on"] == "pesq, wave"


def test_what_has_no_mean(tmp_path: Path) -> None:
    one = saved(tmp_path / "1.safetensors", 1.0)
    other = saved(tmp_path / "2.safetensors", 1.0, ModelConfig(num_stages=3))
    with pytest.raises(TrainingError, match="another model"):
        averaged([one, other], [1.0, 1.0])


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ([1.0], "1 shares for 2 checkpoints; expected one for each"),
        ([1.0, 1.0, 1.0], "3 shares for 2 checkpoints"),
        ([2.0, -1.0], "a share of -1; expected finite numbers"),
        ([1.0, float("nan")], "a share of nan; expected finite numbers"),
        ([float("inf"), 1.0], "a share of inf; expected finite numbers"),
        ([0.0, 0.0], "all shares are 0; expected one above 0 at least"),
        ([1e308, 1e308], "shares too large to add up"),
    ],
)
def test_shares_that_make_no_mean(tmp_path: Path, shares: list[float], message: str) -> None:
    one = str(saved(tmp_path / "1.safetensors", 1.0))
    with pytest.raises(TrainingError, match=message):
        averaged([Path(one)] * 2, shares)
    target = tmp_path / "mean.safetensors"
    words = [word for share in shares for word in ("--share", str(share))]
    result = CliRunner().invoke(cli, ["average", one, one, *words, "-o", str(target)])
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert not target.exists()


def test_only_the_ratio_of_shares_counts(tmp_path: Path) -> None:
    paths = [saved(tmp_path / f"{n}.safetensors", float(n)) for n in (1, 3)]
    for large in (1.0, 1e300):
        model, _ = averaged(paths, [3 * large, large])
        assert float(next(model.encoder.parameters()).detach().flatten()[0]) == 1.5


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
