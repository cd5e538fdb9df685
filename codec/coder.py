"""Waves pushed in, codes out, and the way back: what every file, pipe, stream and page calls.

    encoder = codec.file_encoder(codec.header(sample_rate=48_000, num_channels=1, num_stages=12))
    for wave in microphone:            # [C, T], any T
        send(encoder.push(wave))       # [C, Q, F], often of no frames yet
    send(encoder.finish())

However a wave is cut up, the same codes come out, and the same samples of codes.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np

from codec.backends.interface import Backend
from codec.errors import CheckpointError
from codec.floor import Floor
from codec.resampling import Resampler

QUIET = np.errstate(all="ignore")
"""numpy's warnings of overflow; both coders look at what comes out and refuse it."""


class AnyResampler(Protocol):
    """What `Resampler` and its like do."""

    def push(self, wave: np.ndarray, /) -> Iterator[np.ndarray]:
        """Shape: wave [C, T] -> waves [C, T']."""
        ...

    def finish(self) -> Iterator[np.ndarray]:
        """The rest. Shape: -> waves [C, T']."""
        ...


ResamplerMaker = Callable[[int, int, Callable[[int], int]], AnyResampler]
"""From two rates in Hz and from samples in to samples out; see `Resampler`."""

Latents = list[list[np.ndarray]]
"""Blocks [F, D] of each channel, as the network gave them."""


class Encoder:
    """One recording on its way to codes.

    Args:
        sample_rate: the wave's, in Hz.
        num_stages: may be changed between two pushes.
        effort: hypotheses kept in the search for codes.
        block_frames: frames computed at once; see `Backend.analysis`.
        resampler: makes what changes the sample rate.
    """

    def __init__(
        self,
        backend: Backend,
        sample_rate: int,
        num_channels: int,
        num_stages: int,
        effort: int = 1,
        *,
        block_frames: int | None = None,
        resampler: ResamplerMaker = Resampler,
    ) -> None:
        self._backend, self.num_stages, self._effort = backend, num_stages, effort
        rate = backend.config.sample_rate
        self._resampler = resampler(
            sample_rate, rate, lambda num_samples: -(-num_samples * rate // sample_rate)
        )
        self._streams = [backend.analysis(block_frames) for _ in range(num_channels)]
        self.num_samples = 0
        """Samples of each channel that came in."""

    @QUIET
    def push(self, wave: np.ndarray) -> np.ndarray:
        """More of the wave; what is ready.

        Shape: wave [C, T] float32 -> codes [C, Q, F] int64, F = 0 while frames wait.

        Raises:
            CheckpointError: weights so large that the latent is not finite.
        """
        self.num_samples += wave.shape[1]
        return self._code(self._latents(self._resampler.push(wave)))

    @QUIET
    def finish(self) -> np.ndarray:
        """The last codes. Shape: -> codes [C, Q, F] int64."""
        latents = self._latents(self._resampler.finish())
        for blocks, stream in zip(latents, self._streams, strict=True):
            blocks.extend(stream.finish())
        return self._code(latents)

    def _latents(self, waves: Iterable[np.ndarray]) -> Latents:
        """Shape: waves [C, T] at the model's rate -> latents [F, D], blocks of each channel."""
        found: Latents = [[] for _ in self._streams]
        for wave in waves:
            for blocks, stream, row in zip(found, self._streams, wave, strict=True):
                blocks.extend(stream.push(row))
        return found

    def _code(self, latents: Latents) -> np.ndarray:
        """Shape: latents [F, D], blocks of each channel -> codes [C, Q, F]."""
        empty = np.zeros((self.num_stages, 0), np.int64)
        rows = [[self._quantize(block, self.num_stages) for block in blocks] for blocks in latents]
        return np.stack([np.concatenate([empty, *codes], axis=1) for codes in rows])

    def _quantize(
        self, latent: np.ndarray, num_stages: int, effort: int | None = None
    ) -> np.ndarray:
        """Shape: latent [F, D] -> codes [Q, F]."""
        if not np.isfinite(latent).all():
            raise CheckpointError("encoding gives NaN or infinite numbers: the weights overflow")
        return self._backend.quantize(latent, num_stages, effort or self._effort)


class Decoder:
    """Codes on their way to a wave.

    Args:
        sample_rate: of the wave to give out, in Hz.
        num_samples: to give out of each channel, where that is known; else all that codes give.
        block_frames: frames computed at once; see `Backend.synthesis`.
        resampler: makes what changes the sample rate.
    """

    def __init__(
        self,
        backend: Backend,
        sample_rate: int,
        num_channels: int,
        num_samples: int | None = None,
        *,
        block_frames: int | None = None,
        resampler: ResamplerMaker = Resampler,
    ) -> None:
        self._backend = backend
        rate = backend.config.sample_rate

        def length(count: int) -> int:
            return count * sample_rate // rate if num_samples is None else num_samples

        self._resampler = resampler(rate, sample_rate, length)
        self._streams = [backend.synthesis(block_frames) for _ in range(num_channels)]
        self._floors = [Floor() for _ in range(num_channels)]

    def push(self, codes: np.ndarray) -> np.ndarray:
        """More codes; the samples that are ready.

        Shape: codes [C, Q, F] integers, any Q up to the model's, -1 for none ->
        wave [C, T] float32.

        Raises:
            CheckpointError: weights so large that samples are not finite.
        """
        return self._joined(self.pieces(codes))

    def pieces(self, codes: np.ndarray) -> Iterator[np.ndarray]:
        """`push` a piece at a time: many channels at a high rate are never in memory together.

        Shape: codes [C, Q, F] -> waves [C, T] float32.

        Raises:
            CheckpointError: as `push`.
        """
        latents = [self._backend.dequantize(channel) for channel in codes]
        yield from self._resampler.push(self._waves(latents))

    def push_latent(self, latents: Sequence[np.ndarray]) -> np.ndarray:
        """`push` for what codes stand for.

        Shape: latent [F, D] of each channel -> wave [C, T] float32.
        """
        return self._joined(self._resampler.push(self._waves(latents)))

    def finish(self) -> np.ndarray:
        """The last samples. Shape: -> wave [C, T] float32."""
        return self._joined(self.last_pieces())

    def last_pieces(self) -> Iterator[np.ndarray]:
        """`finish` a piece at a time. Shape: -> waves [C, T] float32."""
        yield from self._resampler.push(self._waves(None))
        yield from self._resampler.finish()

    @QUIET
    def _waves(self, latents: Sequence[np.ndarray] | None) -> np.ndarray:
        """The network's waves of all channels on their floor; the rest of them without latents.

        Shape: latent [F, D] each -> [C, T].
        """
        if latents is None:
            rows = [_row(stream.finish()) for stream in self._streams]
        else:
            channels = zip(self._streams, latents, strict=True)
            rows = [_row(stream.push(latent)) for stream, latent in channels]
        for floor, row in zip(self._floors, rows, strict=True):
            floor.add(row)
        return np.stack(rows)

    def _joined(self, waves: Iterable[np.ndarray]) -> np.ndarray:
        empty = np.zeros((len(self._streams), 0), np.float32)
        return np.concatenate([empty, *waves], axis=1)


def _row(blocks: list[np.ndarray]) -> np.ndarray:
    """Shape: blocks [T] -> [T]."""
    row = np.concatenate([np.zeros(0, np.float32), *blocks])
    if not np.isfinite(row).all():
        raise CheckpointError("decoding gives NaN or infinite samples: the weights overflow")
    return row
