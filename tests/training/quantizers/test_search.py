"""The search against one that looks at every codeword in double precision."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from codec.backends.torch_search import nearest
from training.quantizers import QUANTIZERS


def look_at_all(vectors, codebook):
    distance = (vectors.double()[:, None] - codebook.double()[None]).square().sum(2)
    return (distance <= distance.amin(1, keepdim=True)).to(torch.uint8).argmax(1)


@pytest.mark.parametrize(
    ("number", "width", "size"), [(700, 1, 2), (300, 8, 1024), (50, 128, 4096)]
)
def test_nearest_is_exact(number, width, size):
    torch.manual_seed(0)
    vectors, codebook = torch.randn(number, width), torch.randn(size, width)
    assert torch.equal(nearest(vectors, codebook), look_at_all(vectors, codebook))


@given(st.integers(0, 1000), st.integers(1, 70), st.integers(1, 5), st.integers(1, 40))
@settings(max_examples=40, deadline=None)
def test_ties_go_to_the_lowest_code(seed, number, width, size):
    generator = torch.Generator().manual_seed(seed)
    grid = torch.randint(-2, 3, (number, width), generator=generator).float()
    codebook = torch.randint(-2, 3, (size, width), generator=generator).float()
    codebook = torch.cat([codebook, codebook])
    assert torch.equal(nearest(grid, codebook), look_at_all(grid, codebook))


def test_twins_in_a_large_codebook():
    torch.manual_seed(0)
    half = torch.randn(512, 128)
    codes = nearest(torch.randn(500, 128), torch.cat([half, half]))
    assert codes.max() < 512


def test_far_from_the_origin():
    torch.manual_seed(0)
    vectors, codebook = torch.randn(300, 16) + 1000.0, torch.randn(256, 16) + 1000.0
    distance = torch.cdist(vectors.double(), codebook.double())
    got = distance.gather(1, nearest(vectors, codebook)[:, None])[:, 0]
    torch.testing.assert_close(got, distance.amin(1), rtol=1e-6, atol=0)


@pytest.fixture(scope="module")
def trained():
    torch.manual_seed(0)
    quantizer, latent = QUANTIZERS["nsvq"](6, 32, 8), torch.randn(4, 8, 400)
    quantizer.initialise(latent)
    return quantizer.eval()


def error(quantizer, latent, **search):
    codes = quantizer.encode(latent, **search)
    return (latent - quantizer.decode(codes)).square().sum(1)


def test_a_wider_beam_codes_better(trained):
    latent = torch.randn(2, 8, 300)
    errors = [error(trained, latent, beam=beam).mean() for beam in (1, 2, 4, 8, 16)]
    assert errors == sorted(errors, reverse=True)
    assert 10 * torch.log10(errors[0] / errors[4]) > 0.5


def test_a_beam_of_everything_is_exhaustive(trained):
    latent = torch.randn(1, 8, 20)
    best = torch.cdist(latent[0].T[None].double(), _sums(trained)[None].double())[0].amin(1)
    found = error(trained, latent, num_stages=2, beam=32)[0].double().sqrt()
    torch.testing.assert_close(found, best, rtol=1e-5, atol=1e-6)


def _sums(quantizer):
    first, second = quantizer.codebooks[:2].detach()
    return (first[:, None] + second[None]).flatten(0, 1)


def test_beam_of_one_stage_is_the_nearest(trained):
    latent = torch.randn(3, 8, 20)
    greedy = trained.encode(latent, num_stages=1)
    assert torch.equal(trained.encode(latent, num_stages=1, beam=5), greedy)


def test_beam_codes_do_not_depend_on_the_batch(trained):
    latent = torch.randn(1, 8, 2_000)
    codes = trained.encode(latent, beam=4)
    alone = trained.encode(latent[:, :, 777:778], beam=4)
    assert torch.equal(codes[:, :, 777:778], alone)
