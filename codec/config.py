"""The model's settings: one frozen dataclass that alone rebuilds a network.

Read from TOML or from a checkpoint's header through `ModelConfig.from_dict`; an unknown key or a
value out of range raises `ConfigError` naming it.
"""

import dataclasses
import json
import math
from dataclasses import dataclass
from typing import Any

from codec.errors import ConfigError
from codec.rates import Rates


@dataclass(frozen=True)
class ModelConfig:
    """Settings of the network, its quantizer and so its bitrates.

    >>> config = ModelConfig()
    >>> config.bitrate_kbps(12), config.frame_rate
    (6.0, 50.0)
    """

    sample_rate: int = 16_000
    """Hz of the wave the network sees; other rates are resampled to it."""
    hop: int = 320
    """Samples between two frames; `sample_rate / hop` is the frame rate."""
    overlap: int = 0
    """Samples that the windows of two neighbouring frames share, at most `hop`; 0: all of a hop.
    The fewer, the less the delay."""
    compression: float = 0.5
    """Exponent on STFT magnitudes, in (0, 1]: 1 is linear, small values favour quiet parts."""
    latent_width: int = 128
    """D, numbers a frame that the quantizer sees."""
    trunk_width: int = 256
    """Channels inside the encoder's and the decoder's blocks."""
    expansion: int = 3
    """Hidden channels of a block as a multiple of its width, where no list below tells them."""
    kernel: int = 7
    """Frames under a block's depthwise convolution."""
    encoder_lookahead: tuple[int, ...] = (1, 1, 1, 1, 1)
    """Future frames each encoder block sees; its length is the number of blocks."""
    decoder_lookahead: tuple[int, ...] = (2, 2, 2, 1, 1, 1, 1, 1)
    """Future frames each decoder block sees; its length is the number of blocks."""
    encoder_hidden: tuple[int, ...] = ()
    """Hidden channels of each encoder block; empty: `expansion` times the width of each."""
    decoder_hidden: tuple[int, ...] = ()
    """Hidden channels of each decoder block; empty as above."""
    refiner_hop: int = 80
    """Samples between two frames of the refiner, a divisor of `hop`; its window has four."""
    refiner_width: int = 192
    """Channels inside the refiner's blocks."""
    refiner_lookahead: tuple[int, ...] = ()
    """Future refiner frames each of its blocks sees; its length is the number of blocks. Without
    blocks there is no refiner, and the decoder's spectrum is what is heard."""
    refiner_hidden: tuple[int, ...] = ()
    """Hidden channels of each refiner block; empty: `expansion` times the refiner's width."""
    refiner_noise: bool = True
    """Whether the refiner has noise to make breath from."""
    codebook_size: int = 1024
    """K, codewords a stage: a power of two from 2 to 4096."""
    num_stages: int = 16
    """Q, stages of the residual chain: 1 to 64."""

    def __post_init__(self) -> None:
        for part in PARTS:
            for name in (f"{part}_lookahead", f"{part}_hidden"):
                object.__setattr__(self, name, tuple(getattr(self, name)))
        power = self.codebook_size > 0 and self.codebook_size.bit_count() == 1
        lookahead = self.encoder_lookahead + self.decoder_lookahead + self.refiner_lookahead
        checks = {
            "sample_rate": 1_000 <= self.sample_rate <= 192_000,
            "hop": 16 <= self.hop <= 8_192,
            "overlap": 0 <= self.overlap <= self.hop,
            "compression": 0.0 < self.compression <= 1.0,
            "latent_width": 1 <= self.latent_width <= 2_048,
            "trunk_width": 1 <= self.trunk_width <= 4_096,
            "expansion": 1 <= self.expansion <= 8,
            "kernel": 1 <= self.kernel <= 63,
            "encoder_lookahead": all(0 <= n < self.kernel for n in self.encoder_lookahead),
            "decoder_lookahead": all(0 <= n < self.kernel for n in self.decoder_lookahead),
            "refiner_hop": not self.refiner_lookahead
            or (self.refiner_hop >= 8 and self.hop % self.refiner_hop == 0),
            "refiner_width": 1 <= self.refiner_width <= 4_096,
            "refiner_lookahead": all(0 <= n < self.kernel for n in self.refiner_lookahead),
            **{f"{part}_hidden": self._hidden_fits(part) for part in PARTS},
            "codebook_size": power and 2 <= self.codebook_size <= 4_096,
            "num_stages": 1 <= self.num_stages <= 64,
        }
        for name, good in checks.items():
            if not good:
                value = getattr(self, name)
                raise ConfigError(f"model setting {name} = {value!r} is out of range")
        if len(lookahead) > 64:
            raise ConfigError(f"{len(lookahead)} blocks in all; at most 64 are supported")

    def _hidden_fits(self, part: str) -> bool:
        hidden = getattr(self, f"{part}_hidden")
        alike = len(hidden) == len(self.lookahead(part))
        return not hidden or (alike and all(1 <= n <= 32_768 for n in hidden))

    def hidden(self, part: str) -> tuple[int, ...]:
        """Hidden channels of each block of a part: `encoder`, `decoder` or `refiner`."""
        width = self.refiner_width if part == "refiner" else self.trunk_width
        found: tuple[int, ...] = getattr(self, f"{part}_hidden")
        return found or (self.expansion * width,) * len(self.lookahead(part))

    def lookahead(self, part: str) -> tuple[int, ...]:
        """Future frames that each block of a part sees."""
        found: tuple[int, ...] = getattr(self, f"{part}_lookahead")
        return found

    @property
    def frame_rate(self) -> float:
        """Frames per second."""
        return self.sample_rate / self.hop

    @property
    def code_bits(self) -> int:
        """Bits of one code."""
        return self.codebook_size.bit_length() - 1

    @property
    def window_size(self) -> int:
        """Samples that a frame's window lets through: a hop, and what the next window shares."""
        return self.hop + (self.overlap or self.hop)

    @property
    def delay_ms(self) -> float:
        """Algorithmic delay: a window, every block's look-ahead, and three hops of the refiner,
        whose frames overlap fourfold."""
        samples = self._encoder_delay + sum(self.decoder_lookahead) * self.hop
        if self.refiner_lookahead:
            samples += (3 + sum(self.refiner_lookahead)) * self.refiner_hop
        return 1000.0 * samples / self.sample_rate

    @property
    def encoder_delay_ms(self) -> float:
        """The part of `delay_ms` from a sample to the last frame that tells of it."""
        return 1000.0 * self._encoder_delay / self.sample_rate

    @property
    def _encoder_delay(self) -> int:
        return self.window_size + sum(self.encoder_lookahead) * self.hop

    @property
    def rates(self) -> Rates:
        """The bitrates on offer."""
        return Rates(self.frame_rate, self.code_bits, self.num_stages)

    def bitrate_kbps(self, num_stages: int | None = None) -> float:
        """See `Rates.bitrate_kbps`."""
        return self.rates.bitrate_kbps(num_stages)

    def stages_for(self, bitrate_kbps: float) -> int:
        """See `Rates.stages_for`."""
        return self.rates.stages_for(bitrate_kbps)

    def num_frames(self, num_samples: int) -> int:
        """Frames that `num_samples` samples at `sample_rate` are coded into."""
        return 0 if num_samples == 0 else math.ceil(num_samples / self.hop) + 1

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for TOML or JSON."""
        return dataclasses.asdict(self)

    def to_json(self) -> str:
        """What a checkpoint's header holds. A model's identity hangs on it, so settings that came
        after the first models stand there only where they change something."""
        changed = {name for name in _LATER if getattr(self, name) != getattr(type(self), name)}
        return json.dumps(_without(self.to_dict(), *_LATER - changed), sort_keys=True)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "ModelConfig":
        """The config `values` describe; settings of older releases that change nothing are dropped.

        Raises:
            ConfigError: an unknown key, a value of the wrong type or out of range.
        """
        fields = {field.name: field for field in dataclasses.fields(cls)}
        values = without_retired(values)
        for name, value in values.items():
            if name not in fields:
                raise ConfigError(f"unknown model setting {name!r}; known: {', '.join(fields)}")
            _check_type(name, value, fields[name].default)
        return cls(**values)


PARTS = ("encoder", "decoder", "refiner")
_LATER = {"overlap", "encoder_hidden", "decoder_hidden", "refiner_hidden", "refiner_noise"}
"""Settings that came after the first models."""
RETIRED = ("window", "quantizer")
"""Settings of older checkpoints that change nothing: the window is two hops, and codebooks decode
alike however they were learnt."""


def without_retired(values: dict[str, Any]) -> dict[str, Any]:
    """The settings without those of `RETIRED`."""
    return _without(values, *RETIRED)


def _without(values: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}


def _check_type(name: str, value: Any, example: Any) -> None:
    """Refuse a value whose type is not that of the field's default."""
    if isinstance(example, tuple):
        good = isinstance(value, list | tuple) and all(type(n) is int for n in value)
    elif isinstance(example, float):
        good = type(value) in (int, float)
    else:
        good = type(value) is type(example)
    if not good:
        raise ConfigError(f"model setting {name} = {value!r} should be like {example!r}")
