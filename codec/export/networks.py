"""The encoder and the decoder as ONNX graphs of whole recordings.

encoder.onnx   wave [B, T] -> latent [B, F, D], codes [B, Q, F]
decoder.onnx   codes [B, Q, F], noise [B, F · hop] -> wave [B, (F - 1) · hop]

Without a refiner, or with one that hears no noise, the decoder takes codes alone.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from codec.backends.numpy_spectrum import window, window_apart
from codec.config import ModelConfig
from codec.export.graph import FLOAT, INT64, Graph
from codec.export.layers import blocks, linear, norm
from codec.export.spectrum import analyse, scaled, synthesise, with_magnitude

Weights = Mapping[str, np.ndarray]
_REFINER_OVERLAP = 4


def encoder(config: ModelConfig, weights: Weights, about: Mapping[str, str]) -> bytes:
    """The graph from a wave to its latent and to the codes of all stages."""
    g, hop = Graph(weights), config.hop
    # As many zeros at the end as make T of any size ceil(T / hop) + 1 frames.
    bins = analyse(g, "wave", hop, _window(config), (hop, 2 * hop - 1))
    real, imag = scaled(g, *bins, config.compression - 1.0)
    x = linear(g, "encoder.trunk.enter", with_magnitude(g, real, imag))
    x = norm(
        g, "encoder.trunk.norm", blocks(g, "encoder.trunk.blocks", x, config.encoder_lookahead)
    )
    base = linear(g, "encoder.linear", g("Concat", real, imag, axis=-1))
    latent = g("Add", base, linear(g, "encoder.trunk.leave", x))
    codes = _nearest(g, latent, config)
    return g.model(
        "encoder",
        {"wave": (FLOAT, ["batch", "samples"])},
        {
            "latent": (latent, FLOAT, ["batch", "frames", config.latent_width]),
            "codes": (codes, INT64, ["batch", config.num_stages, "frames"]),
        },
        about,
    )


def decoder(config: ModelConfig, weights: Weights, about: Mapping[str, str]) -> bytes:
    """The graph from codes of any number of stages, and noise for a refiner, to a wave."""
    g = Graph(weights)
    wave, hidden = _spectral(g, _sum_of_codewords(g, config), config)
    inputs: dict[str, tuple[int, list[str | int]]] = {
        "codes": (INT64, ["batch", "stages", "frames"])
    }
    if config.refiner_lookahead:
        if config.refiner_noise:
            inputs["noise"] = (FLOAT, ["batch", "noise_samples"])
        wave = _refined(g, wave, hidden, config)
    return g.model("decoder", inputs, {"wave": (wave, FLOAT, ["batch", "samples"])}, about)


def _nearest(g: Graph, latent: str, config: ModelConfig) -> str:
    """The greedy search: the residual's nearest codeword, stage by stage.

    Shape: latent [B, F, D] -> codes [B, Q, F].
    """
    books = g.raw("quantizer.codebooks")
    residual = g("Reshape", latent, g.integers(-1, config.latent_width))
    stages = []
    for stage, book in enumerate(books):
        words = g.constant(book, f"codebook_{stage}")
        bias = g.constant(-0.5 * np.square(book).sum(1), f"half_norms_{stage}")
        scores = g("Gemm", residual, words, bias, transB=1)
        stages.append(g("ArgMax", scores, axis=1, keepdims=0))
        if stage + 1 < len(books):
            residual = g("Sub", residual, g("Gather", words, stages[-1], axis=0))
    columns = [g("Unsqueeze", stage, g.integers(1)) for stage in stages]
    frames = g("Slice", g("Shape", latent), g.integers(0), g.integers(2))
    shape = g("Concat", frames, g.integers(config.num_stages), axis=0)
    codes = g("Reshape", g("Concat", *columns, axis=1), shape)
    return g("Transpose", codes, perm=[0, 2, 1])


def _sum_of_codewords(g: Graph, config: ModelConfig) -> str:
    """A code below 0 stands for none: it takes the row of zeros behind the last codebook.

    Shape: codes [B, Q, F], any Q up to the model's -> latent [B, F, D].
    """
    books = g.raw("quantizer.codebooks").reshape(-1, config.latent_width)
    words = g.constant(np.pad(books, ((0, 1), (0, 0))), "codewords")
    first = np.arange(config.num_stages, dtype=np.int64)[:, None] * config.codebook_size
    stages = g("Slice", g("Shape", "codes"), g.integers(1), g.integers(2))
    offsets = g("Slice", g.constant(first, "first_codewords"), g.integers(0), stages)
    missing = g("Less", "codes", g.integers(0))
    places = g("Where", missing, g.integers(len(books)), g("Add", "codes", offsets))
    chosen = g("Gather", words, places, axis=0)  # [B, Q, F, D]
    return g("ReduceSum", chosen, g.integers(1), keepdims=0)


def _spectral(g: Graph, latent: str, config: ModelConfig) -> tuple[str, str]:
    """The decoder proper; an empty frame follows the last.

    Shape: latent [B, F, D] -> wave [B, (F - 1) · hop], hidden [B, F + 1, width].
    """
    hop = config.hop
    latent = g("Pad", latent, g.integers(0, 0, 0, 0, 1, 0))
    base_real, base_imag = g.split(linear(g, "decoder.linear", latent), 2)
    x = linear(g, "decoder.trunk.enter", latent)
    x = blocks(g, "decoder.trunk.blocks", x, config.decoder_lookahead)
    hidden = norm(g, "decoder.trunk.norm", x)
    real, imag, gain = g.split(linear(g, "decoder.trunk.leave", hidden), 3)
    louder = g("Add", gain, g.number(1.0))
    real = g("Add", real, g("Mul", base_real, louder))
    imag = g("Add", imag, g("Mul", base_imag, louder))
    bins = scaled(g, real, imag, 1.0 / config.compression - 1.0)
    wave = synthesise(g, *bins, hop, _window(config))
    return _cut(g, wave, hop, -2 * hop), hidden


def _refined(g: Graph, wave: str, hidden: str, config: ModelConfig) -> str:
    """The refiner; `torch_refiner` has the picture.

    Shape: wave [B, T], hidden [B, T / hop + 2, width] -> wave [B, T].
    """
    hop, overlap, width = config.refiner_hop, _REFINER_OVERLAP, config.refiner_width
    before, sine = (overlap - 1) * hop, window(overlap * hop)
    bins = analyse(g, wave, hop, sine, (before, config.hop))
    real, imag = scaled(g, *bins, config.compression - 1.0)
    x = linear(g, "refiner.enter", with_magnitude(g, real, imag))
    later = g("Slice", hidden, g.integers(1), g.integers(2**31), g.integers(1))
    seen = g("Reshape", linear(g, "refiner.see", later), g.integers(0, -1, width))
    x = g("Add", x, seen)
    if config.refiner_noise:
        noise = g("Reshape", "noise", g.integers(0, -1, hop))
        x = g("Add", x, linear(g, "refiner.hear_noise", noise))
    x = blocks(g, "refiner.blocks", x, config.refiner_lookahead)
    left = linear(g, "refiner.leave", norm(g, "refiner.norm", x))
    parts = g.split(left, 5 if config.refiner_noise else 4)
    rebuilt = _rebuilt(g, parts[:4], (real, imag), config.compression)
    for loudness in parts[4:]:
        share = g("Pow", g("Softplus", loudness), g.number(1.0 / config.compression))
        hiss = analyse(g, "noise", hop, sine, (before, 0))
        real, imag = (
            g("Add", bins, g("Mul", drawn, share))
            for bins, drawn in zip(rebuilt, hiss, strict=True)
        )
        rebuilt = real, imag
    return _cut(g, synthesise(g, *rebuilt, hop, sine), before, -config.hop)


def _rebuilt(
    g: Graph, parts: Sequence[str], bins: tuple[str, str], compression: float
) -> tuple[str, str]:
    """Gains and additions on the bins. Shape: [B, F, num_bins] each."""
    real, imag = bins
    gain_real, gain_imag, own_real, own_imag = parts
    louder = g("Add", gain_real, g.number(1.0))
    turn_real = g("Sub", g("Mul", real, louder), g("Mul", imag, gain_imag))
    turn_imag = g("Add", g("Mul", real, gain_imag), g("Mul", imag, louder))
    own_real, own_imag = g("Add", own_real, turn_real), g("Add", own_imag, turn_imag)
    return scaled(g, own_real, own_imag, 1.0 / compression - 1.0)


def _window(config: ModelConfig) -> np.ndarray:
    """Shape: -> [2 · hop]."""
    return window_apart(config.hop, config.window_size - config.hop)


def _cut(g: Graph, wave: str, start: int, stop: int) -> str:
    """Shape: [B, T] -> [B, fewer]."""
    return g("Slice", wave, g.integers(start), g.integers(stop), g.integers(1))
