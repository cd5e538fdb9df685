"""How much one upload may hold, checked on its header's word and again while it is read.

Seconds and channels alone bound nothing: eight channels at 768 kHz are sixty-four times as many
values as speech at 96 kHz. So channels × samples are bounded too, at the recording's own rate or
the network's, whichever is higher.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from codec.errors import AudioError
from codec.ffmpeg import Bound

MAX_CHANNELS = 8
INSTEAD = "Cut it, or use `nsvq` on the command line, which takes far longer ones."


@dataclass(frozen=True)
class Limits:
    """The most that one recording may hold.

    >>> Limits(300.0, 28_800_000, 16_000).check(48_000, 2, 48_000 * 300)
    """

    max_seconds: float
    max_values: int
    """Samples of all channels together."""
    model_rate: int
    """Hz at which the network works; a recording costs at least as much as it has there."""

    @property
    def conversion(self) -> Bound:
        """What ffmpeg may write, 4 bytes a value, before there is a header to check.

        A quarter more: what is longer by little is told so in minutes.
        """
        return Bound(self.max_seconds, 5 * self.max_values)

    def check(self, sample_rate: int, num_channels: int, num_samples: int) -> None:
        """Refuse what this demo would take too long or too much memory over.

        Raises:
            AudioError: too long, too many channels or values, or no sound at all.
        """
        if num_samples <= 0:
            raise AudioError("There is no sound in this file.")
        if num_channels > MAX_CHANNELS:
            raise AudioError(
                f"{num_channels} channels found; this page takes up to {MAX_CHANNELS}."
            )
        seconds = num_samples / sample_rate
        if seconds > self.max_seconds:
            raise AudioError(
                f"This recording lasts {seconds / 60:.1f} minutes; this page takes up to "
                f"{self.max_seconds / 60:g}. {INSTEAD}"
            )
        num_values = num_channels * max(num_samples, round(seconds * self.model_rate))
        if num_values > self.max_values:
            raise AudioError(
                f"{seconds:.1f} s of {num_channels} channels at {sample_rate:,} Hz are "
                f"{num_values / 1e6:.1f} million samples; this page takes up to "
                f"{self.max_values / 1e6:.1f} million. {INSTEAD}"
            )

    def watched(self, blocks: Iterator[np.ndarray], sample_rate: int) -> Iterator[np.ndarray]:
        """The same blocks, as long as they keep to the limits: some headers promise less.

        Shape: blocks [C, T].
        """
        num_samples = 0
        for block in blocks:
            num_samples += block.shape[1]
            self.check(sample_rate, block.shape[0], num_samples)
            yield block
