"""Coding at a variable bitrate: as an `Encoder`, but frames get stages by their error.

    latents --stages that all get--> codes --held for a minute--> allocation --> codes, some cut
                                                 ^                    |
                                                 +---- stages more ---+

What is shared out is what stages for all frames would take, so a file is never longer than one of a
constant bitrate. A minute is shared out at once, however the wave was cut up, and the last one with
what is left, up to half a minute. Conversations can't wait: `codec.live.reservoir` allocates theirs
frame by frame.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from codec.allocation import allocate, depth, group_errors, threshold_for
from codec.backends.interface import Backend
from codec.bitstream import variable_bits
from codec.bitstream.stage_counts import GROUP
from codec.coder import QUIET, Encoder, Latents
from codec.deepening import Deepening
from codec.errors import ConfigError

SEGMENT_S = 60.0
"""About what is shared out at once."""
MOST_S = 480.0
"""Of all channels together, so that many of them don't take much memory."""


class Held(NamedTuple):
    """Frames that wait to be shared out."""

    codes: np.ndarray
    """[C, q, F], of the stages that all get."""
    latents: np.ndarray
    """[C, F, D]."""

    @classmethod
    def joined(cls, held: Sequence["Held"]) -> "Held":
        """All of them in a row."""
        return cls(
            np.concatenate([one.codes for one in held], axis=2),
            np.concatenate([one.latents for one in held], axis=1),
        )

    def cut(self, num_frames: int) -> tuple["Held", "Held"]:
        """The first frames, and the others."""
        return (
            Held(self.codes[..., :num_frames], self.latents[:, :num_frames]),
            Held(self.codes[..., num_frames:].copy(), self.latents[:, num_frames:].copy()),
        )


class VbrEncoder(Encoder):
    """One recording on its way to codes, -1 where there is none.

    Args:
        num_stages: on average.
        effort: hypotheses kept in the search, once it is known how many stages a frame has.
        frames_per_chunk: a multiple of `GROUP`.

    Raises:
        ConfigError: of so many frames per chunk some would be in two chunks' groups.
    """

    def __init__(
        self,
        backend: Backend,
        sample_rate: int,
        num_channels: int,
        num_stages: int,
        effort: int = 1,
        *,
        frames_per_chunk: int,
    ) -> None:
        if frames_per_chunk < 1 or frames_per_chunk % GROUP:
            raise ConfigError(
                f"chunks of {frames_per_chunk} frames; expected a multiple of {GROUP} where the "
                "bitrate varies"
            )
        config = backend.config
        self._depth, self._first = depth(config.num_stages, num_stages), num_stages
        super().__init__(backend, sample_rate, num_channels, num_stages, effort)
        self._code_bits, self._chunk = config.code_bits, frames_per_chunk
        seconds = min(SEGMENT_S, MOST_S / num_channels)
        chunks = max(1, round(seconds * config.frame_rate / frames_per_chunk))
        self._segment = chunks * frames_per_chunk
        self._held: list[Held] = []
        self._num_held = 0

    @property
    def depth(self) -> int:
        """Q, stages given; those of the beginning, whatever `num_stages` becomes."""
        return self._depth

    @QUIET
    def finish(self) -> np.ndarray:
        """The last codes. Shape: -> codes [C, Q, F] int64."""
        found = super().finish()
        if not self._num_held:
            return found
        return np.concatenate([found, self._shared_out(self._num_held)], axis=2)

    def _code(self, latents: Latents) -> np.ndarray:
        """Hold them; the segments that are whole.

        Shape: latents [F, D], blocks of each channel -> codes [C, Q, F].
        """
        empty = np.zeros((self._first, 0), np.int64)
        none = np.zeros((0, self._backend.config.latent_width), np.float32)
        codes = [
            [self._quantize(block, self._first, effort=1) for block in blocks] for blocks in latents
        ]
        held = Held(
            np.stack([np.concatenate([empty, *blocks], axis=1) for blocks in codes]),
            np.stack([np.concatenate([none, *blocks]) for blocks in latents]),
        )
        if held.codes.shape[2]:
            self._held.append(held)
            self._num_held += held.codes.shape[2]
        found = [np.zeros((len(latents), self.depth, 0), np.int64)]
        while 2 * self._num_held >= 3 * self._segment:
            found.append(self._shared_out(self._segment))
        return np.concatenate(found, axis=2)

    def _shared_out(self, num_frames: int) -> np.ndarray:
        """The first frames of those held, with the stages they get. Shape: -> codes [C, Q, F]."""
        part, rest = Held.joined(self._held).cut(num_frames)
        self._held, self._num_held = [rest], self._num_held - num_frames
        channels = [
            Deepening(self._backend, latents, codes, self.depth)
            for latents, codes in zip(part.latents, part.codes, strict=True)
        ]
        searched = [True]
        while any(searched):
            counts = self._counts([channel.errors for channel in channels])
            searched = [channel.deepen(row) for channel, row in zip(channels, counts, strict=True)]
        if self._effort > 1:
            return self._searched(part.latents, counts)
        codes = np.stack([channel.codes for channel in channels])
        return np.where(np.arange(self.depth)[:, None] < counts[:, None], codes, -1)

    def _counts(self, errors: Sequence[np.ndarray]) -> np.ndarray:
        """Stages of each frame: as many as fit into what a constant bitrate would take.

        Shape: errors [Q, F] of each channel -> [C, F].
        """
        num_channels, frames = len(errors), errors[0].shape[1]
        groups = np.concatenate([group_errors(channel) for channel in errors], axis=1)
        budget = num_channels * frames * self.num_stages * self._code_bits
        total = budget // (GROUP * self._code_bits)
        while True:
            stages = allocate(groups, threshold_for(groups, total)).reshape(num_channels, -1)
            over = self._bits(stages, frames) - budget
            if over <= 0 or total <= stages.size:
                return stages.repeat(GROUP, axis=1)[:, :frames]
            total -= max(1, over // (GROUP * self._code_bits))

    def _bits(self, stages: np.ndarray, num_frames: int) -> int:
        """Of the payloads that frames with so many stages make, whole bytes each.

        Shape: stages [C, groups].
        """
        step, total = self._chunk // GROUP, 0
        for start in range(0, stages.shape[1], step):
            frames = min(self._chunk, num_frames - start * GROUP)
            bits = variable_bits(stages[:, start : start + step], frames, self._code_bits)
            total += 8 * -(-bits // 8)
        return total

    def _searched(self, latents: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """Codes searched for with the effort asked for, frames of as many stages at once.

        Shape: latents [C, F, D], counts [C, F] -> codes [C, Q, F].
        """
        found = np.full((len(latents), self.depth, latents.shape[1]), -1)
        for codes, channel, stages in zip(found, latents, counts, strict=True):
            for count in np.unique(stages):
                frames = np.flatnonzero(stages == count)
                codes[:count, frames] = self._quantize(channel[frames], int(count))
        return found
