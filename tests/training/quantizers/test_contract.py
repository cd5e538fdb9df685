"""What every quantizer of the registry must do; a new line of it is tested as soon as it exists."""

import itertools

import pytest
import torch

from codec.backends.torch_checkpoint import load_checkpoint, save_checkpoint
from codec.backends.torch_model import CodecModel
from codec.config import ModelConfig
from codec.errors import ConfigError, QuantizerError
from training.quantizers import QUANTIZERS, ResidualChain, build_model

NO_GRADIENT = {
    "ema": "codewords follow a moving average of what they code",
    "kmeans": "codewords are fitted offline",
    "simvq": "codewords stay; the matrix before them learns",
}
every = pytest.mark.parametrize("name", QUANTIZERS)


def chain(name: str, stages: int = 3, size: int = 16, width: int = 8) -> ResidualChain:
    torch.manual_seed(0)
    return QUANTIZERS[name](stages, size, width)


@every
def test_shapes_and_types(name):
    quantizer, latent = chain(name), torch.randn(2, 8, 5)
    got = quantizer(latent, torch.tensor([1, 3]))
    assert got.output.shape == got.hard.shape == latent.shape
    assert got.codes.shape == (2, 3, 5)
    assert got.codes.dtype == torch.long
    assert got.loss.shape == ()
    assert got.codes.min() >= 0
    assert got.codes.max() < 16


@every
@pytest.mark.parametrize("size", [2, 64, 1024, 4096])
@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_sizes_and_precisions(name, size, kind):
    quantizer, latent = chain(name, 2, size, 4), torch.randn(1, 4, 9).to(kind)
    got = quantizer(latent)
    assert got.output.dtype == kind
    assert got.output.isfinite().all()
    assert quantizer.eval().encode(latent).max() < size


@every
def test_half_precision_changes_no_code(name):
    quantizer, latent = chain(name), torch.randn(1, 8, 50).bfloat16()
    assert torch.equal(quantizer.encode(latent), quantizer.encode(latent.float()))
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(quantizer.encode(latent), quantizer.encode(latent.float()))


@every
def test_evaluation_is_hard_and_repeats(name):
    quantizer, latent = chain(name).eval(), torch.randn(2, 8, 5)
    first, second = quantizer(latent), quantizer(latent)
    assert torch.equal(first.output, second.output)
    assert torch.equal(first.output, first.hard)
    assert torch.equal(first.codes, quantizer.encode(latent))
    torch.testing.assert_close(quantizer.decode(first.codes), first.hard)


@every
def test_decoded_values_are_coded_as_themselves(name):
    """By one codebook; a longer chain may find other codes, as good, for a sum of its codewords."""
    quantizer, latent = chain(name, stages=1), torch.randn(2, 8, 40)
    decoded = quantizer.decode(quantizer.encode(latent))
    assert torch.equal(quantizer.decode(quantizer.encode(decoded)), decoded)


@every
def test_gradients_reach_encoder_and_codebook(name):
    quantizer, latent = chain(name), torch.randn(2, 8, 5, requires_grad=True)
    got = quantizer(latent)
    (got.output.square().sum() + got.loss).backward()
    assert latent.grad.abs().min() > 0
    gradient = quantizer.codebooks.grad
    assert (gradient is None) == (name in NO_GRADIENT)
    if gradient is not None:
        assert (gradient.abs().amax(2) > 0).any(1).all()


@every
def test_stages_switched_off_neither_code_nor_learn(name):
    quantizer, latent = chain(name), torch.randn(2, 8, 5)
    got = quantizer(latent, torch.tensor([1, 2]))
    short = quantizer.eval().decode(got.codes[:1, :1])
    if name != "ema":  # its codewords have moved since
        torch.testing.assert_close(got.hard[:1], short)
    assert quantizer.usage.occurrences.sum(1).tolist() == [10, 5, 0]


@every
@pytest.mark.parametrize("shape", [(0, 8, 5), (2, 8, 0)])
def test_empty_batch(name, shape):
    quantizer, latent = chain(name), torch.zeros(shape)
    got = quantizer(latent)
    assert got.output.shape == shape
    assert got.loss == 0
    for beam in (1, 3):
        assert quantizer.encode(latent, beam=beam).shape == (shape[0], 3, shape[2])


@every
def test_one_vector(name):
    quantizer, latent = chain(name), torch.randn(1, 8, 1)
    assert quantizer(latent).codes.shape == quantizer.encode(latent).shape == (1, 3, 1)


@every
@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_what_is_not_finite_is_refused(name, bad):
    quantizer, latent = chain(name), torch.randn(2, 8, 5)
    latent[1, 3, 2] = bad
    for use in (quantizer, quantizer.encode, quantizer.initialise):
        with pytest.raises(QuantizerError, match="NaN or infinity"):
            use(latent)


@every
def test_seeded_runs_repeat(name):
    def run():
        quantizer = chain(name)
        quantizer.initialise(torch.randn(1, 8, 100))
        for _ in range(3):
            got = quantizer(torch.randn(1, 8, 30))
        quantizer.replace()
        return got.output, quantizer.codewords()

    for first, second in zip(run(), run(), strict=True):
        assert torch.equal(first, second)


@every
@pytest.mark.parametrize("method", ["normal", "kmeans"])
def test_initialisation(name, method):
    quantizer = chain(name, size=4)
    latent = torch.randn(2, 8, 100) * 3 + 5
    quantizer.initialise(latent, method)
    error = latent - quantizer.decode(quantizer.encode(latent))
    assert error.square().mean() < 0.5 * latent.square().mean()  # codewords begin at zero mean


@every
def test_checkpoints_hold_codebooks_alone(name):
    expected = {"codebooks"} | ({"transforms"} if name == "simvq" else set())
    assert set(chain(name).state_dict()) == expected


@every
def test_training_state_resumes_a_run(name):
    first, latents = chain(name), torch.randn(4, 1, 8, 20)
    for latent in latents[:2]:
        first(latent)
    second = QUANTIZERS[name](3, 16, 8)
    second.load_state_dict(first.state_dict())
    second.load_training_state(first.training_state())
    for latent in latents[2:]:
        first(latent)
        second(latent)
    for one, other in zip(first.buffers(), second.buffers(), strict=True):
        assert torch.equal(one, other)
    assert torch.equal(first.codebooks, second.codebooks)


def test_bad_shapes_and_numbers_are_refused():
    quantizer, latent = chain("nsvq"), torch.randn(2, 8, 5)
    calls = itertools.chain(
        [lambda: quantizer(torch.randn(2, 7, 5)), lambda: quantizer(torch.randn(8, 5))],
        [lambda: quantizer(latent, torch.tensor([1, 2, 3]))],
        [lambda: quantizer.encode(latent, 0), lambda: quantizer.encode(latent, 4)],
        [lambda: quantizer.encode(latent, beam=0)],
        [lambda: quantizer.decode(torch.full((1, 2, 3), 16))],
        [lambda: quantizer.decode(torch.full((1, 2, 3), -2))],
        [lambda: quantizer.decode(torch.zeros(1, 4, 3, dtype=torch.long))],
        [lambda: quantizer.initialise(latent[:0])],
    )
    for call in calls:
        with pytest.raises(QuantizerError):
            call()


def test_a_code_that_is_not_there_adds_nothing():
    quantizer = chain("nsvq")
    codes = torch.tensor([[[3, 5, 0], [2, -1, 1]]])
    found = quantizer.decode(codes)
    torch.testing.assert_close(found[..., 1:2], quantizer.decode(codes[:, :1, 1:2]))
    torch.testing.assert_close(found[..., ::2], quantizer.decode(codes[..., ::2]))


@every
def test_a_model_is_built_with_the_quantizer_named(name):
    config = ModelConfig(num_stages=2, codebook_size=4, latent_width=8)
    assert type(build_model(config, name).quantizer) is QUANTIZERS[name]


def test_unknown_name():
    with pytest.raises(ConfigError, match="nsvq"):
        build_model(ModelConfig(), "lattice")


@every
def test_checkpoints_hold_codewords_that_code_alike(name, tmp_path):
    """Whatever learnt them; nor does the model's identity tell."""
    config = ModelConfig(
        num_stages=2, codebook_size=4, latent_width=8, trunk_width=8, encoder_lookahead=(0,),
        decoder_lookahead=(0,),
    )  # fmt: skip
    model = build_model(config, name)
    if name == "simvq":
        model.quantizer.transforms.data += 0.1 * torch.randn_like(model.quantizer.transforms)
    model.half().float()
    save_checkpoint(tmp_path / "any.safetensors", model)
    loaded, model_id, header = load_checkpoint(tmp_path / "any.safetensors")
    codes = torch.randint(4, (1, 2, 50))
    expected = model.quantizer.decode(codes)
    torch.testing.assert_close(loaded.quantizer.decode(codes), expected, atol=5e-3, rtol=1e-3)
    assert name not in header["config"]
    plain = CodecModel(config)
    plain.load_state_dict(loaded.state_dict())
    save_checkpoint(tmp_path / "plain.safetensors", plain)
    assert load_checkpoint(tmp_path / "plain.safetensors")[1] == model_id
