"""The product chain against separate codebooks of the slices."""

import torch

from codec.backends.torch_search import nearest
from training.quantizers.product import Product

SLICES = (slice(0, 3), slice(3, 6), slice(6, 8))


def start() -> tuple[Product, torch.Tensor]:
    torch.manual_seed(0)
    return Product(3, 16, 8), torch.randn(2, 8, 50)


def test_stages_are_separate_codebooks_of_their_slices():
    chain, latent = start()
    codes = chain.encode(latent)
    decoded = chain.decode(codes)
    for stage, part in enumerate(SLICES):
        rows = latent[:, part].transpose(1, 2).reshape(-1, part.stop - part.start)
        book = chain.codebooks[stage][:, part].detach()
        own = nearest(rows, book)
        assert torch.equal(codes[:, stage].flatten(), own)
        assert torch.equal(decoded[:, part].transpose(1, 2).reshape(rows.shape), book[own])
    assert torch.equal(chain.encode(latent, beam=8), codes)  # slices leave a beam nothing to find
    assert torch.equal(chain.encode(decoded), codes)


def test_noise_keeps_the_total_error_and_moves_slices_alone():
    chain, latent = start()
    got = chain(latent)
    ratio = (got.output - latent).norm(dim=1) / (got.hard - latent).norm(dim=1)
    torch.testing.assert_close(ratio, torch.ones_like(ratio), rtol=1e-5, atol=0)
    (got.output.square().sum() + got.loss).backward()
    for stage, part in enumerate(SLICES):
        gradient = chain.codebooks.grad[stage].clone()
        assert gradient[:, part].any()
        gradient[:, part] = 0.0
        assert not gradient.any()


def test_first_codewords_are_those_of_the_slices():
    chain, latent = start()
    few = latent[:1, :, :16]  # as many vectors as codewords
    chain.initialise(few)
    torch.testing.assert_close(chain.decode(chain.encode(few)), few)
