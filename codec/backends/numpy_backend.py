"""The network in numpy: matrix products on blocks of frames, on whatever machine Python runs."""

from collections.abc import Mapping

import numpy as np

from codec.backends.interface import Pieces, Stream
from codec.backends.numpy_layers import Delay, Linear, Stack, StackStream, Weights, scaled
from codec.backends.numpy_refiner import Refiner, RefinerStream
from codec.backends.numpy_spectrum import (
    Framing,
    OverlapAdd,
    analysis_window,
    expand,
    features,
    interleaved,
    inverse,
    spectra,
    tiles,
    window_apart,
)
from codec.codebooks import Codebooks
from codec.config import ModelConfig
from codec.scratch import scratch

BLOCK_FRAMES = 256
"""Frames computed at once. Streams of other blocks agree up to rounding, not bit for bit."""


class NumpyBackend:
    """A network with its weights.

    Args:
        tensors: a checkpoint's, of any floating-point type.
        block_frames: frames a stream waits for.
    """

    def __init__(
        self,
        config: ModelConfig,
        tensors: Mapping[str, np.ndarray],
        block_frames: int = BLOCK_FRAMES,
    ) -> None:
        weights = Weights(tensors)
        self.config, self.block_frames = config, block_frames
        self.num_parameters = sum(value.size for value in weights.values())
        self.synthesis_window = window_apart(config.hop, config.window_size - config.hop)
        self.analysis_window = analysis_window(self.synthesis_window)
        num_bins = config.hop + 1
        self.encoder = Trunk(weights, "encoder", config.encoder_lookahead, num_bins_in=num_bins)
        self.codebooks = Codebooks(weights["quantizer.codebooks"])
        self.decoder = Trunk(weights, "decoder", config.decoder_lookahead, num_bins_out=num_bins)
        self.decoder.leave.bias[-num_bins:] += 1.0  # a gain of 0 leaves a bin as it is
        self.refiner = Refiner(weights, config) if config.refiner_lookahead else None

    def analysis(self, block_frames: int | None = None) -> Stream:
        """Pieces of wave [T] to blocks of latent [F, D]."""
        return Analysis(self, block_frames or self.block_frames)

    def quantize(
        self, latent: np.ndarray, num_stages: int, effort: int = 1, first: int = 0
    ) -> np.ndarray:
        """Shape: latent [F, D] -> codes [num_stages, F] int64."""
        return self.codebooks.encode(latent, num_stages, effort, first)

    def dequantize(self, codes: np.ndarray, first: int = 0) -> np.ndarray:
        """Shape: codes [Q, F] -> latent [F, D]."""
        return self.codebooks.decode(codes, first)

    def errors(self, latent: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Shape: latent [F, D], codes [Q, F] -> [Q, F] float32."""
        return self.codebooks.errors(latent, codes)

    def synthesis(self, block_frames: int | None = None) -> Stream:
        """Pieces of latent [F, D] to blocks of wave [T]."""
        return Synthesis(self, block_frames or self.block_frames)


class Trunk:
    """The weights of an encoder or a decoder: a linear map, and blocks between projections.

    Args:
        num_bins_in, num_bins_out: of the spectra that come in, or go out; 0 where latents do.
    """

    def __init__(
        self,
        weights: Weights,
        name: str,
        lookahead: tuple[int, ...],
        *,
        num_bins_in: int = 0,
        num_bins_out: int = 0,
    ) -> None:
        self.linear = Linear(
            weights, f"{name}.linear", inputs=_order(num_bins_in), outputs=_order(num_bins_out)
        )
        self.enter = Linear(weights, f"{name}.trunk.enter", inputs=_order(num_bins_in, 1))
        self.stack = Stack(weights, f"{name}.trunk.blocks", lookahead)
        self.leave = Linear(
            weights,
            f"{name}.trunk.leave",
            norm=f"{name}.trunk.norm",
            outputs=_order(num_bins_out, 1),
        )


def _order(num_bins: int, num_real: int = 0) -> np.ndarray | slice:
    """`interleaved` for a complex spectrum and `num_real` real ones; a latent stays as it is.

    Shape: -> [(2 + num_real) · num_bins], or a slice of everything.
    """
    return interleaved(num_bins, num_real=num_real) if num_bins else slice(None)


class Analysis:
    """A wave on its way to the latent; see `Stream`.

    A frame is known once its window has fallen to zero, so hops here end there, and zeros stand
    before the first:

        windows sharing 80 of 320     |rise 80|flat 240|fall 80|zeros 240|
                                               |---- hop ----|
    """

    def __init__(self, backend: NumpyBackend, block_frames: int) -> None:
        config = backend.config
        self._backend = backend
        self._pieces = Pieces(block_frames * config.hop)
        self._num_before = 2 * config.hop - config.window_size
        self._pieces.push(np.zeros(self._num_before, np.float32))
        self._frames = Framing(config.hop, config.window_size)
        self._stack = StackStream(backend.encoder.stack, config.trunk_width)
        self._base = Delay(backend.encoder.stack.delay)
        self._skip = backend.encoder.stack.delay
        self._num_in = 0

    def push(self, piece: np.ndarray) -> list[np.ndarray]:
        """Shape: wave [T] -> latents [F, D]."""
        return [self._run(wave, None) for wave in self._pieces.push(piece)]

    def finish(self) -> list[np.ndarray]:
        """Shape: -> latents [F, D]; in all one frame more than hops were begun."""
        rest, hop = self._pieces.rest(), self._backend.config.hop
        begun = len(rest) - self._num_before
        if not begun and not self._num_in:
            return []
        frames = -(-begun // hop) + 1
        wave = np.zeros((frames + self._backend.encoder.stack.delay) * hop, np.float32)
        wave[: len(rest)] = rest
        return [self._run(wave, self._num_in + frames)]

    def _run(self, wave: np.ndarray, num_frames: int | None) -> np.ndarray:
        """Shape: wave [N · hop] -> latent [N, D] at most."""
        backend, encoder = self._backend, self._backend.encoder
        frames, config = self._frames(wave), backend.config
        inputs = scratch("inputs", len(frames), 3 * (config.hop + 1))
        features(frames, backend.analysis_window, config.compression, inputs)
        base = self._base(encoder.linear(inputs[:, : len(encoder.linear.matrix)]))
        self._num_in += len(inputs)
        hidden = self._stack(encoder.enter(inputs), num_frames)
        latent = encoder.leave(scaled(hidden))
        latent += base
        skipped = min(len(latent), self._skip)
        self._skip -= skipped
        return latent[skipped:]


class Synthesis:
    """A latent on its way to the wave; see `Stream`."""

    def __init__(self, backend: NumpyBackend, block_frames: int) -> None:
        self._backend = backend
        self._pieces = Pieces(block_frames)
        self._stack = StackStream(backend.decoder.stack, backend.config.trunk_width)
        self._base = Delay(backend.decoder.stack.delay)
        self._sum = OverlapAdd(backend.config.hop, 2)
        self._refiner = RefinerStream(backend.refiner) if backend.refiner else None
        self._num_in = 0
        self._skip = backend.decoder.stack.delay
        self._begun = False

    def push(self, piece: np.ndarray) -> list[np.ndarray]:
        """Shape: latent [F, D] -> waves [T]."""
        return [self._run(latent, None) for latent in self._pieces.push(piece)]

    def finish(self) -> list[np.ndarray]:
        """Shape: -> waves [T]; an empty frame follows the last."""
        width = self._backend.config.latent_width
        rest = self._pieces.rest((0, width))
        if not len(rest) and not self._num_in:
            return []
        empty = np.zeros((1 + self._backend.decoder.stack.delay, width), np.float32)
        num_frames = self._num_in + len(rest) + 1
        return [self._run(np.concatenate([rest, empty]), num_frames)]

    def _run(self, latent: np.ndarray, num_frames: int | None) -> np.ndarray:
        """Shape: latent [N, D] -> wave [T]."""
        decoder = self._backend.decoder
        self._num_in += len(latent)
        base = self._base(decoder.linear(latent))
        hidden = scaled(self._stack(decoder.enter(latent), num_frames))
        skipped = min(len(latent), self._skip)
        self._skip -= skipped
        base, hidden = base[skipped:], hidden[skipped:]
        last = num_frames is not None
        if last:
            base = base[:-1]  # of the empty frame's spectrum nothing is kept
        blocks = self._sum(self._spectral_frames(base, hidden[: len(base)]))
        if not self._begun and len(blocks):  # the first lies before the recording's start
            blocks, hidden, self._begun = blocks[1:], hidden[1:], True
        if self._refiner is None:
            return blocks.ravel()
        return (self._refiner.finish if last else self._refiner.push)(blocks, hidden)

    def _spectral_frames(self, base: np.ndarray, hidden: np.ndarray) -> np.ndarray:
        """Shape: base [N, 2 · num_bins], hidden [N, width] -> frames [N, 2 · hop]."""
        backend, num_bins = self._backend, self._backend.config.hop + 1
        parts = backend.decoder.leave(hidden)
        frames = np.empty((len(base), 2 * backend.config.hop), np.float32)
        for rows in tiles(len(base)):
            made, gain = spectra(parts[rows], num_bins)
            made += spectra(base[rows], num_bins)[0] * gain
            expand(made, backend.config.compression)
            np.multiply(inverse(made), backend.synthesis_window, out=frames[rows])
        return frames
