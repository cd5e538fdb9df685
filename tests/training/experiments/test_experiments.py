"""Every experiment's quick run, and the parts they share."""

import csv
import json
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch

from codec.errors import EvaluationError

pytest.importorskip("matplotlib", reason="matplotlib missing")
pytest.importorskip("skimage", reason="scikit-image missing")
pytest.importorskip("sklearn", reason="scikit-learn missing")

from training.experiments import EXPERIMENTS
from training.experiments.codebook_fitting import fit_codebooks
from training.experiments.conditions import CONDITIONS, add_noise
from training.experiments.distribution import DISTRIBUTIONS, beside_ste
from training.experiments.methods import METHODS, pick_methods
from training.experiments.paper_means import published_order, published_table
from training.experiments.photographs import load_patches
from training.experiments.speech_clips import load_clips
from training.experiments.tables import (
    as_table,
    differences,
    summarise,
    summarise_items,
    write_rows,
)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_quick_run_writes_tables_pictures_and_its_settings(name, tmp_path):
    module, shares = import_module(EXPERIMENTS[name]), []
    report = module.run(module.QUICK, tmp_path, lambda share, what: shares.append(share))
    assert "|---|" in report
    assert shares == sorted(shares)
    record = json.loads((tmp_path / "results.json").read_text())
    assert record["settings"]["seeds"] == 1
    with (tmp_path / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows
    if hasattr(module.QUICK, "methods"):
        titles = {METHODS[key].title for key in module.QUICK.methods}
        assert {row["method"] for row in rows} == titles
    pictures = {path.stem for path in tmp_path.glob("*.png")}
    assert pictures
    assert pictures == {path.stem for path in tmp_path.glob("*.pdf")}


@pytest.mark.parametrize("key", METHODS)
def test_methods_build(key):
    chain = METHODS[key].build(2, 8, 4)
    got = chain(torch.randn(1, 4, 20))
    assert got.output.shape == (1, 4, 20)


def test_alone_nsvq_and_ste_take_the_same_step():
    """The evidence behind the write-up: with only a codebook to learn they are one method."""
    gradients = []
    for key in ("nsvq-alone", "ste-alone"):
        torch.manual_seed(0)
        chain, x = METHODS[key].build(1, 32, 8), torch.randn(1, 8, 100)
        got = chain(x)
        (torch.nn.functional.mse_loss(got.output, x) + got.loss).backward()
        gradients.append(chain.codebooks.grad)
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-4, atol=1e-7)


def test_minibatch_kmeans_against_ours():
    torch.manual_seed(0)
    latent, errors = torch.randn(1, 4, 2_000), {}
    for key in ("kmeans", "ste"):
        chain = METHODS[key].build(2, 16, 4)
        fit_codebooks(chain, latent)
        errors[key] = (latent - chain.decode(chain.encode(latent))).square().mean()
    assert errors["ste"] < 1.05 * errors["kmeans"]
    assert errors["kmeans"] < 0.25


def test_unknown_method():
    assert pick_methods("ste, ema") == ("ste", "ema")
    with pytest.raises(EvaluationError, match="nsvq-latent"):
        pick_methods("ste,gumbel")


def test_distributions():
    torch.manual_seed(0)
    vectors = {name: draw(20_000, 8) for name, draw in DISTRIBUTIONS.items()}
    covariance = {name: torch.cov(x.T) for name, x in vectors.items()}
    torch.testing.assert_close(covariance["normal"], torch.eye(8), atol=0.05, rtol=0)
    distance = (torch.arange(8)[:, None] - torch.arange(8)).abs()
    torch.testing.assert_close(covariance["correlated"], 0.9**distance, atol=0.05, rtol=0)
    assert torch.cdist(vectors["multi-modal"][:500], vectors["multi-modal"][500:600]).min() < 1.5


def test_summaries_and_tables():
    rows = [
        {"method": "a", "clip": clip, "bits": 4, "mse": float(value)}
        for clip, value in (("x", 1), ("x", 3), ("y", 4))
    ]
    assert summarise(rows, ("method",), "mse")[0]["n"] == 3
    summary = summarise_items([*rows, rows[0] | {"mse": None}], ("method", "bits"), "clip", "mse")
    assert summary[0]["mse"] == 3.0
    assert summary[0]["n"] == 2
    assert "| a | 3.000 ± 12.706 |" in as_table(summary, "bits", "method", "mse")


def test_errors_beside_those_of_ste():
    rows = [
        {"method": method, "bits": bits, "seed": seed, "mse": mse}
        for method, bits, seed, mse in (
            ("STE", 4, 0, 2.0), ("NSVQ", 4, 0, 1.0), ("STE", 4, 1, 4.0), ("NSVQ", 4, 1, 1.0),
            ("NSVQ", 6, 0, 1.0),
        )
    ]  # fmt: skip
    ratios = [(row["method"], row["ratio"]) for row in beside_ste(rows)]
    assert ratios == [("STE", 1.0), ("NSVQ", 0.5), ("STE", 1.0), ("NSVQ", 0.25)]


def test_differences_between_methods():
    rows = [
        {"method": method, "bits": 6, "patch": patch, "ssim": ssim}
        for method, patch, ssim in (("a", 0, 0.5), ("a", 1, 0.75), ("b", 1, 0.25), ("c", 2, 1.0))
    ]
    gaps = differences(rows, "a", ("bits", "patch"), "ssim")
    assert [(row["method"], row["patch"], row["ssim"]) for row in gaps] == [("b", 1, 0.5)]


def test_rows_of_different_columns(tmp_path):
    write_rows(tmp_path / "rows.csv", [{"a": 1}, {"a": 2, "b": 3}])
    assert (tmp_path / "rows.csv").read_text().split() == ["a,b", "1,", "2,3"]


def test_published_numbers():
    assert published_order("images", "Peak SNR").startswith("NSVQ > EMA")
    assert "| NSVQ | 2.470 |" in published_table("speech", "PESQ")


def write_wave(path: Path, seconds: float) -> None:
    from codec.audio import write_audio

    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.sin(np.arange(int(16_000 * seconds)) * 0.1, dtype=np.float32) * 0.5
    write_audio(path, samples[None], 16_000)


def test_clips_of_train_and_dev(tmp_path):
    for name in ("train/a/1.wav", "train/b/2.wav", "dev/c/3.wav"):
        write_wave(tmp_path / name, 0.5)
    clips = load_clips(tmp_path, 10, 10, 0.2)
    assert len(clips.train) == 2
    assert clips.names == ["3"]
    assert len(clips.test[0]) == 3_200
    assert clips.draw(3, 10_000).shape == (3, 1, 10_000)


def test_clips_of_one_folder_are_held_out(tmp_path):
    for name in "abcd":
        write_wave(tmp_path / f"{name}.wav", 0.1)
    clips = load_clips(tmp_path, 10, 10, 1.0)
    assert clips.names == ["a", "d"]
    assert len(clips.train) == 2
    (tmp_path / "none").mkdir()
    with pytest.raises(EvaluationError, match="too few"):
        load_clips(tmp_path / "none", 1, 1, 1.0)


def test_patches_of_a_folder(tmp_path):
    from skimage.io import imsave

    for number, shape in enumerate([(64, 70, 3), (40, 40), (33, 64, 3)]):
        picture = np.full(shape, 51 * number, np.uint8)
        imsave(tmp_path / f"{number}.png", picture, check_contrast=False)
    patches = load_patches(tmp_path, False, 3)
    assert patches.train.shape == (3, 3, 32, 32)
    assert patches.test.shape == (3, 3, 32, 32)
    torch.testing.assert_close(patches.train[0].mean(), torch.tensor(0.2))


def test_cifar10_through_torchvision(tmp_path, monkeypatch):
    def dataset(folder, train, download):
        assert folder == tmp_path
        return SimpleNamespace(data=np.full((6, 32, 32, 3), 255 * train, np.uint8))

    datasets = ModuleType("torchvision.datasets")
    datasets.CIFAR10 = dataset
    monkeypatch.setitem(sys.modules, "torchvision", ModuleType("torchvision"))
    monkeypatch.setitem(sys.modules, "torchvision.datasets", datasets)
    patches = load_patches(tmp_path, True, 4)
    assert patches.train.shape == (6, 3, 32, 32)
    assert patches.test.shape == (4, 3, 32, 32)
    assert patches.train.min() == 1.0
    monkeypatch.setitem(sys.modules, "torchvision.datasets", None)
    with pytest.raises(EvaluationError, match="torchvision"):
        load_patches(tmp_path, True, 4)


@pytest.mark.slow
def test_nsvq_with_replacement_beats_plain_ste(tmp_path):
    """The paper's order over three seeds, where codewords fall out of use. Normal vectors keep all
    of them in use: nothing is replaced and nothing differs.
    """
    from training.experiments.distribution import Settings, run

    settings = Settings(methods=("nsvq", "ste-alone"), bits=(6,), updates=600, example_updates=40)
    run(settings, tmp_path, lambda share, what: None)
    rows = json.loads((tmp_path / "results.json").read_text())["rows"]
    means = {
        (row["distribution"], row["method"]): row["mse"]
        for row in summarise(rows, ("distribution", "method"), "mse")
    }
    ratio = {name: means[name, "NSVQ + replacement"] / means[name, "STE"] for name in DISTRIBUTIONS}
    assert ratio["normal"] == pytest.approx(1.0, abs=0.01)
    assert ratio["correlated"] < 0.9
    assert ratio["multi-modal"] < 0.5


@pytest.mark.parametrize("name", CONDITIONS)
def test_conditions_are_finite_repeatable_and_audible(name):
    rng = np.random.default_rng(0)
    wave, other = (0.1 * rng.standard_normal(16_000) for _ in range(2))
    once, again = (CONDITIONS[name](wave, other, np.random.default_rng(1)) for _ in range(2))
    np.testing.assert_array_equal(once, again)
    assert np.isfinite(once).all()
    assert np.std(once) > 1e-3
    assert (name == "clean") == np.array_equal(once, wave)


def test_noise_is_as_loud_as_its_name():
    wave = np.sin(np.arange(16_000))
    noise = add_noise(10.0)(wave, wave, np.random.default_rng(0)) - wave
    assert 20 * np.log10(np.std(wave) / np.std(noise)) == pytest.approx(10.0, abs=1e-6)
