"""The bitrates of a residual chain: one for each number of stages in use."""

import math
from dataclasses import dataclass
from typing import SupportsIndex

from codec.errors import ConfigError


@dataclass(frozen=True)
class Rates:
    """What can be had, by number of stages or by bitrate of one channel.

    >>> rates = Rates(frame_rate=50.0, code_bits=10, num_stages=16)
    >>> rates.bitrate_kbps(12), rates.pick(6.2), rates.pick(num_stages=3), rates.pick()
    (6.0, 12, 3, 16)
    """

    frame_rate: float
    """Frames per second."""
    code_bits: int
    """Bits of one code."""
    num_stages: int
    """Q, all of them."""
    holder: str = "the model"
    """Whose they are, for messages."""

    def bitrate_kbps(self, num_stages: int | None = None) -> float:
        """Nominal bitrate of `num_stages` stages (all if None), without file overhead."""
        stages = self.num_stages if num_stages is None else num_stages
        return self.frame_rate * stages * self.code_bits / 1000.0

    def stages_for(self, bitrate_kbps: float) -> int:
        """Most stages whose nominal bitrate does not exceed `bitrate_kbps`.

        Raises:
            ConfigError: the bitrate is below one stage, or not a finite number.
        """
        lowest = self.bitrate_kbps(1)
        if not math.isfinite(bitrate_kbps):
            raise ConfigError(
                f"bitrate {bitrate_kbps:g} kbps is not a finite number; "
                f"{lowest:g} to {self.bitrate_kbps():g} kbps are on offer"
            )
        if bitrate_kbps < lowest - 1e-9:
            raise ConfigError(
                f"bitrate {bitrate_kbps:g} kbps is below the lowest on offer, {lowest:g} kbps"
            )
        return int(min(self.num_stages, bitrate_kbps / lowest + 1e-9))

    def pick(self, bitrate_kbps: float | None = None, num_stages: int | None = None) -> int:
        """Stages for a bitrate (the nearest on offer below it), or all if neither is given.

        Raises:
            ConfigError: both are given, or neither the bitrate nor the number can be had.
        """
        if bitrate_kbps is not None and num_stages is not None:
            raise ConfigError("both a bitrate and a number of stages are given; give one")
        if bitrate_kbps is not None:
            return self.stages_for(bitrate_kbps)
        if num_stages is None:
            return self.num_stages
        if not isinstance(num_stages, SupportsIndex) or not 1 <= num_stages <= self.num_stages:
            raise ConfigError(
                f"{num_stages} stages asked for; {self.holder} has 1 to {self.num_stages}"
            )
        return num_stages
