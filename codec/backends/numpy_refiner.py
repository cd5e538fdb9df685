"""The refiner in numpy; `torch_refiner` has the description and the picture."""

import numpy as np

from codec.backends.numpy_layers import Delay, Linear, Stack, StackStream, Weights, scaled
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
    transform,
    window,
)
from codec.config import ModelConfig
from codec.noise import noise
from codec.scratch import scratch

OVERLAP = 4


class Refiner:
    """Its weights."""

    def __init__(self, weights: Weights, config: ModelConfig) -> None:
        self.config = config
        self.hop, self.ratio = config.refiner_hop, config.hop // config.refiner_hop
        self.num_bins = OVERLAP * self.hop // 2 + 1
        sine = window(OVERLAP * self.hop)
        self.analysis_window = analysis_window(sine)
        self.synthesis_window = sine * np.float32(2.0 / OVERLAP)
        seen = interleaved(self.num_bins, num_real=1)
        self.enter = Linear(weights, "refiner.enter", inputs=seen)
        self.see = Linear(weights, "refiner.see", norm="decoder.trunk.norm")
        self.hear_noise = Linear(weights, "refiner.hear_noise") if config.refiner_noise else None
        self.stack = Stack(weights, "refiner.blocks", config.refiner_lookahead)
        made = interleaved(self.num_bins, 2, num_real=int(config.refiner_noise))
        self.leave = Linear(weights, "refiner.leave", norm="refiner.norm", outputs=made)
        self.leave.bias[: 2 * self.num_bins : 2] += 1.0  # a gain of 0 leaves a bin as it is


class RefinerStream:
    """The decoder's wave on its way through a refiner, in the decoder's blocks of samples."""

    def __init__(self, refiner: Refiner) -> None:
        self._refiner = refiner
        self._stack = StackStream(refiner.stack, refiner.config.refiner_width)
        size = OVERLAP * refiner.hop
        self._frames, self._noise_frames = Framing(refiner.hop, size), Framing(refiner.hop, size)
        self._hiss = Delay(refiner.stack.delay)
        self._held = np.zeros((refiner.stack.delay, 3 * refiner.num_bins), np.float32)
        """[delay, 3 · num_bins]: `features` of the frames whose hidden channels are yet to come."""
        self._sum = OverlapAdd(refiner.hop, OVERLAP)
        self._num_in = self._num_out = 0  # samples
        self._skip = OVERLAP - 1 + refiner.stack.delay
        """Hops yet to come out that lie before the recording's start."""

    def push(self, wave: np.ndarray, hidden: np.ndarray) -> np.ndarray:
        """The wave as it should sound, three hops and the look-ahead later.

        Shape: wave [N, ratio · hop], hidden [N, width] of the decoder's frames that end each block,
        scaled -> wave [T].
        """
        return self._run(wave, hidden, None) if len(wave) else np.zeros(0, np.float32)

    def finish(self, wave: np.ndarray, hidden: np.ndarray) -> np.ndarray:
        """`push` for the last blocks, with all that is left; one more block of nothing follows.

        Shape: wave [N, ratio · hop], hidden [N + 1, width] -> wave [T].
        """
        refiner = self._refiner
        num_samples, num_out = self._num_in + wave.size, self._num_out
        num_frames = num_samples // refiner.hop + refiner.ratio
        delay, ratio = refiner.stack.delay, refiner.ratio
        # So many more blocks until the last frame's neighbours are in, and its last hop is out.
        flush = max(-(-delay // ratio), -(-(OVERLAP - 1 + delay) // ratio) - 1)
        wave = np.concatenate([wave, np.zeros((1 + flush, wave.shape[1]), np.float32)])
        hidden = np.concatenate([hidden, np.zeros((flush, hidden.shape[1]), np.float32)])
        return self._run(wave, hidden, num_frames)[: num_samples - num_out]

    def _run(self, wave: np.ndarray, hidden: np.ndarray, num_frames: int | None) -> np.ndarray:
        """Shape: wave [N, ratio · hop], hidden [N, width] -> wave [T]."""
        refiner = self._refiner
        start, first = self._num_in, self._num_in // refiner.hop - refiner.stack.delay
        self._num_in += wave.size
        due, new = self._features(self._frames(wave.ravel()))
        x = refiner.enter(new, out=scratch("entering", len(new), refiner.config.refiner_width))
        shown = scratch("shown", len(hidden), len(refiner.see.bias))
        x += refiner.see(hidden, out=shown).reshape(x.shape)
        hiss = None
        if refiner.hear_noise:
            drawn = noise(start, wave.size).reshape(-1, refiner.hop)
            x += refiner.hear_noise(drawn)
            hiss = self._noise_frames(self._hiss(drawn).ravel())
        hidden = scaled(self._stack(x, num_frames))
        frames = self._rebuilt(hidden, due, hiss)
        if num_frames is not None:
            frames[max(0, num_frames - first) :] = 0.0
        hops = self._sum(frames)
        skipped = min(len(hops), self._skip)
        self._skip -= skipped
        self._num_out += (len(hops) - skipped) * refiner.hop
        return hops[skipped:].ravel()

    def _features(self, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of the frames that are due, those of `delay` frames ago and on, and of these.

        They last until the thread's next call, of any refiner.

        Shape: frames [N, size] -> [N, 3 · num_bins] each.
        """
        refiner, num_held = self._refiner, len(self._held)
        room = scratch("refiner features", num_held + len(frames), self._held.shape[1])
        room[:num_held] = self._held
        new = room[num_held:]
        features(frames, refiner.analysis_window, refiner.config.compression, new)
        self._held = room[len(frames) :].copy()
        return room[: len(frames)], new

    def _rebuilt(self, hidden: np.ndarray, bins: np.ndarray, hiss: np.ndarray | None) -> np.ndarray:
        """Gains, additions and perhaps noise on the bins, and back to frames.

        Shape: hidden [N, width], bins [N, 3 · num_bins] of `features`, hiss [N, size] of noise ->
        frames [N, size].
        """
        refiner, compression = self._refiner, self._refiner.config.compression
        size, num_bins = OVERLAP * refiner.hop, refiner.num_bins
        frames = scratch("rebuilt", len(hidden), size)
        for rows in tiles(len(hidden)):
            part = hidden[rows]
            room = scratch("parts", len(part), len(refiner.leave.bias))
            gain, made, share = spectra(refiner.leave(part, out=room), num_bins, 2)
            gain *= spectra(bins[rows], num_bins)[0]
            made += gain
            expand(made, compression)
            if hiss is not None:
                share = softplus(share) ** (1.0 / compression)
                made += transform(hiss[rows] * refiner.analysis_window, size) * share
            np.multiply(inverse(made), refiner.synthesis_window, out=frames[rows])
        return frames


def softplus(x: np.ndarray) -> np.ndarray:
    """log(1 + exp(x)), for large x too. Shape: any."""
    y = np.abs(x)
    np.negative(y, out=y)
    np.exp(y, out=y)
    y += np.float32(1.0)
    np.log(y, out=y)
    y += np.maximum(x, 0.0)
    return y
