"""A wave as it comes, to packets: one frame computed at a time, with its state carried along."""

import numpy as np

from codec.arrays import Array, as_wave
from codec.backends.interface import Backend
from codec.coder import Encoder
from codec.errors import AudioError
from codec.live.packets import PacketFormat
from codec.live.resampling import ShortResampler, delay_ms


class PacketEncoder:
    """The sending side of a conversation; `Codec.encoder` makes one.

    Args:
        sample_rate: the wave's, in Hz.
        num_stages: to start with.
        effort: hypotheses kept in the search for codes.
    """

    def __init__(
        self, backend: Backend, sample_rate: int, num_stages: int, effort: int = 1
    ) -> None:
        self.format = PacketFormat.of(backend.config)
        self._rates = backend.config.rates
        self._encoder = Encoder(
            backend, sample_rate, 1, 1, effort, block_frames=1, resampler=ShortResampler
        )
        config = backend.config
        ahead = (2 + sum(config.encoder_lookahead)) * config.hop / config.sample_rate
        self.delay_ms = 1000.0 * ahead + delay_ms(sample_rate, config.sample_rate)
        """Longest time from a sample to the last packet that tells of it: a window of two hops,
        look-ahead and resampling."""
        self.num_stages = num_stages

    @property
    def num_stages(self) -> int:
        """Stages of the packets to come, as many as fill them; may be set in mid-stream."""
        return self._encoder.num_stages

    @num_stages.setter
    def num_stages(self, num_stages: int) -> None:
        self._encoder.num_stages = self.format.filled(self._rates.pick(num_stages=num_stages))

    @property
    def bitrate_kbps(self) -> float:
        """Payload bits per second; set it in mid-stream and the nearest on offer below is taken.

        Raises:
            ConfigError: set to a bitrate below the lowest on offer.
        """
        return self.format.bitrate_kbps(self.num_stages)

    @bitrate_kbps.setter
    def bitrate_kbps(self, bitrate_kbps: float) -> None:
        self.num_stages = self._rates.stages_for(bitrate_kbps)

    def push(self, wave: Array) -> list[bytes]:
        """The packets that are ready by now, in order.

        Shape: wave [T] or [1, T] floats in [-1, 1], any T.

        Raises:
            AudioError: not such a wave, NaN or infinite samples, more than one channel.
        """
        array = as_wave(wave)
        if len(array) != 1:
            raise AudioError(
                f"{len(array)} channels; a conversation has one: fold them, or make one encoder "
                "for each"
            )
        return self._packets(self._encoder.push(array))

    def finish(self) -> list[bytes]:
        """The last packets, once the wave has ended."""
        return self._packets(self._encoder.finish())

    def _packets(self, codes: np.ndarray) -> list[bytes]:
        """Shape: codes [1, Q, F]."""
        return [self.format.pack(frame) for frame in codes[0].T]
