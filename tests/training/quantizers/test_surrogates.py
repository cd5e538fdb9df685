"""Surrogates against the equations they come from."""

import math

import pytest
import torch
from torch.autograd import gradcheck

from training.quantizers.diveq import towards_codeword
from training.quantizers.nsvq import NSVQ, substitute_noise, substitute_shaped_noise
from training.quantizers.rotation import rotate_and_scale
from training.quantizers.straight_through import straight_through

SURROGATES = {
    "nsvq": substitute_noise,
    "shaped": substitute_shaped_noise,
    "diveq": lambda x, hard: towards_codeword(x, hard, 1e-3),
    "rotation": rotate_and_scale,
    "ste": straight_through,
}


def pair(number: int = 200, width: int = 16, kind: torch.dtype = torch.float32):
    torch.manual_seed(3)
    x = torch.randn(number, width, dtype=kind)
    return x, x + 0.3 * torch.randn(number, width, dtype=kind)


@pytest.mark.parametrize("name", SURROGATES)
@pytest.mark.parametrize("width", [1, 2, 128])
def test_every_surrogate_is_as_far_from_x_as_the_codeword(name, width):
    x, hard = pair(width=width)
    got, expected = (SURROGATES[name](x, hard) - x).norm(dim=1), (hard - x).norm(dim=1)
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-6)


def test_chain_keeps_the_norm_of_the_total_error():
    torch.manual_seed(0)
    quantizer, latent = NSVQ(4, 32, 16), torch.randn(3, 16, 50)
    got = quantizer(latent, torch.tensor([1, 2, 4]))
    ratio = (got.output - latent).norm(dim=1) / (got.hard - latent).norm(dim=1)
    torch.testing.assert_close(ratio, torch.ones_like(ratio), rtol=1e-5, atol=0)


def test_noise_direction_is_isotropic():
    width, number = 8, 40_000
    torch.manual_seed(1)
    x = torch.randn(number, width)
    hard = x + torch.tensor([3.0] + [0.1] * (width - 1))  # the error itself has one direction
    error = substitute_noise(x, hard) - x
    unit = error / error.norm(dim=1, keepdim=True)
    # A uniform direction has mean 0 and covariance I / D; 5 standard errors of each entry.
    assert unit.mean(0).abs().max() < 5 / math.sqrt(number * width)
    covariance = unit.T @ unit / number
    assert (covariance - torch.eye(width) / width).abs().max() < 5 * math.sqrt(2 / number) / width
    # … and E[u_i⁴] = 3 / (D (D + 2)), which e.g. a uniform cube's directions miss.
    fourth = unit.pow(4).mean(0)
    assert (fourth - 3 / (width * (width + 2))).abs().max() < 0.002


def test_shaped_noise_has_the_covariance_of_the_errors():
    width, number = 6, 3_000
    torch.manual_seed(1)
    x = torch.randn(number, width)
    spread = torch.tensor([3.0, 1.0, 0.5, 0.3, 0.2, 0.1])
    hard = x + spread * torch.randn(number, width)
    noise = substitute_shaped_noise(x, hard) - x
    direction = (hard - x) / (hard - x).norm(dim=1, keepdim=True)
    expected = torch.randn(number, width) @ torch.linalg.cholesky(direction.T @ direction).T
    shares = [(v / v.norm(dim=1, keepdim=True)).square().mean(0) for v in (noise, expected)]
    assert shares[1][0] > 0.5  # isotropic noise has a sixth
    assert (shares[0] - shares[1]).abs().max() < 0.03


def test_noise_gradient_is_the_analytic_one():
    x, hard = (tensor.requires_grad_() for tensor in pair(20, 5, torch.float64))
    weight = torch.randn(20, 5, dtype=torch.float64)
    output = substitute_noise(x, hard)
    output.backward(weight)
    error = (x - hard).detach()
    length = error.norm(dim=1, keepdim=True)
    noise = (output - x).detach() / length
    through_norm = (weight * noise).sum(1, keepdim=True) * error / length
    torch.testing.assert_close(x.grad, weight + through_norm)
    torch.testing.assert_close(hard.grad, -through_norm)


def test_gradcheck():
    def fixed_noise(x, hard):
        torch.manual_seed(5)
        return substitute_noise(x, hard)

    x, hard = (tensor.requires_grad_() for tensor in pair(6, 4, torch.float64))
    assert gradcheck(fixed_noise, (x, hard))


def test_gradcheck_through_the_chain():
    torch.manual_seed(0)
    quantizer = NSVQ(2, 8, 4).double()
    latent = torch.randn(1, 4, 3, dtype=torch.float64, requires_grad=True)

    def output(latent, books):
        torch.manual_seed(5)
        return torch.func.functional_call(quantizer, {"codebooks": books}, (latent,)).output

    assert gradcheck(output, (latent, quantizer.codebooks))


def test_no_error_stays_no_error_and_has_a_gradient():
    x = torch.randn(3, 4, requires_grad=True)
    got = substitute_noise(x, x.detach())
    assert torch.equal(got, x)
    got.sum().backward()
    assert torch.equal(x.grad, torch.ones_like(x))


def test_straight_through_and_diveq_give_the_codeword():
    x, hard = pair()
    torch.testing.assert_close(straight_through(x, hard), hard)
    torch.testing.assert_close(towards_codeword(x, hard, 0.0), hard)


def test_diveq_gradients():
    x, hard = (tensor.requires_grad_() for tensor in pair(20, 5, torch.float64))
    weight = torch.randn(20, 5, dtype=torch.float64)
    towards_codeword(x, hard, 0.0).backward(weight)
    unit = torch.nn.functional.normalize((hard - x).detach(), dim=1)
    along = (weight * unit).sum(1, keepdim=True) * unit
    torch.testing.assert_close(hard.grad, along)
    torch.testing.assert_close(x.grad, weight - along)


def test_rotation_turns_gradients_with_the_codeword():
    x, hard = pair(kind=torch.float64)
    x.requires_grad_()
    got = rotate_and_scale(x, hard)
    torch.testing.assert_close(got, hard)
    got.backward(hard)  # a gradient along the codeword comes back along x
    cosine = torch.nn.functional.cosine_similarity(x.grad, x.detach())
    torch.testing.assert_close(cosine, torch.ones_like(cosine))


def test_rotation_where_the_plane_is_lost():
    x = torch.tensor([[0.0, 0.0], [1.0, 0.0]], requires_grad=True)
    hard = torch.tensor([[1.0, 2.0], [-1.0, 0.0]])
    got = rotate_and_scale(x, hard)
    torch.testing.assert_close(got, hard)
    got.sum().backward()
    assert x.grad.isfinite().all()
