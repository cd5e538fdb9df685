"""Each loss: zero for equal waves, growing with the error, a finite gradient everywhere."""

import warnings

import pytest
import torch

from training.objective.losses import FAMILIES, LOSSES


@pytest.fixture
def wave() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    time = torch.arange(16_000) / 16_000
    tone = 0.1 * torch.sin(2 * torch.pi * 220 * time) * (1 + torch.sin(2 * torch.pi * 3 * time))
    return (tone + 0.001 * torch.randn(16_000, generator=generator)).view(1, 1, -1)


@pytest.fixture(params=LOSSES)
def loss(request):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if request.param == "pesq":
            pytest.importorskip("torch_pesq")
        yield LOSSES[request.param]


def test_equal_waves_cost_nothing(loss, wave: torch.Tensor) -> None:
    assert float(loss(wave, wave)) == pytest.approx(0.0, abs=1e-5)


def test_more_noise_costs_more(loss, wave: torch.Tensor) -> None:
    noise = torch.randn(wave.shape, generator=torch.Generator().manual_seed(1))
    costs = [float(loss(wave + amount * noise, wave)) for amount in (0.001, 0.01, 0.1)]
    assert 0.0 < costs[0] < costs[1] < costs[2]


def test_gradients_are_finite_even_at_silence(loss, wave: torch.Tensor) -> None:
    for target in (wave, torch.zeros_like(wave)):
        guess = torch.zeros_like(wave).requires_grad_()
        loss(guess, target).backward()
        assert guess.grad is not None
        if loss is not LOSSES["pesq"]:  # its steps with other gradients are skipped
            assert torch.isfinite(guess.grad).all()


@pytest.mark.parametrize("name", ["mel", "complex"])
def test_gradients_are_those_of_the_formula(name: str) -> None:
    generator = torch.Generator().manual_seed(2)
    wave = torch.randn(1, 1, 2_304, generator=generator)
    target = torch.randn(1, 1, 2_304, generator=generator)
    guess = wave.clone().requires_grad_()
    LOSSES[name](guess, target).backward()
    direction = torch.randn(wave.shape, generator=generator)
    step = 1e-2
    ahead, behind = (
        float(LOSSES[name](wave + sign * step * direction, target)) for sign in (1, -1)
    )
    slope = float((guess.grad * direction).sum())
    assert (ahead - behind) / (2 * step) == pytest.approx(slope, rel=0.1, abs=1e-3)


@pytest.mark.parametrize("name", ["mel", "complex"])
@pytest.mark.parametrize("place", [slice(0, 40), slice(-40, None)])
def test_a_click_at_either_end_is_heard(name: str, place: slice, wave: torch.Tensor) -> None:
    clicked = wave.clone()
    clicked[..., place] += 0.3
    inside = wave.clone()
    inside[..., 8_000:8_040] += 0.3
    assert float(LOSSES[name](clicked, wave)) > 0.4 * float(LOSSES[name](inside, wave))


@pytest.mark.parametrize("height", [1.0, 5.0, 20.0])
@pytest.mark.parametrize("place", [0, 5, 14_000, 15_700, 15_990, 15_999])
def test_a_click_never_pays_under_pesq(place: int, height: float, wave: torch.Tensor) -> None:
    """torch-pesq alone rates a decoder better that clicks loudly behind the last whole group."""
    pytest.importorskip("torch_pesq")
    noise = torch.randn(wave.shape, generator=torch.Generator().manual_seed(3))
    rebuilt = wave + 0.01 * noise
    clicked = rebuilt.clone()
    clicked[..., place] += height
    assert float(LOSSES["pesq"](clicked, wave)) > float(LOSSES["pesq"](rebuilt, wave))


def test_every_loss_says_which_scores_it_is_a_relative_of() -> None:
    assert set(FAMILIES) == set(LOSSES)
