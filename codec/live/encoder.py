"""A wave as it comes, to packets: one frame computed at a time, with its state carried along."""

import numpy as np

from codec.arrays import Array, as_wave
from codec.backends.interface import Backend
from codec.coder import Encoder
from codec.errors import AudioError
from codec.live.deep_encoder import DeepEncoder
from codec.live.packets import PacketFormat
from codec.live.redundancy import NONE, Copies, Redundancy
from codec.live.resampling import ShortResampler, delay_ms
from codec.live.reservoir import Reservoir
from codec.live.silence import UPDATE_STAGES, Sender


class PacketEncoder:
    """The sending side of a conversation; `Codec.encoder` makes one.

    Args:
        sample_rate: the wave's, in Hz.
        num_stages: to start with.
        effort: hypotheses kept in the search for codes.
        redundancy: copies of earlier frames that packets carry, part of `num_stages`.
        dtx: send next to nothing while nobody speaks (discontinuous transmission).
        vbr: give stages to the frames that need them; packets are then of all lengths.

    Raises:
        ConfigError: no room for the copies.
    """

    def __init__(
        self,
        backend: Backend,
        sample_rate: int,
        num_stages: int,
        effort: int = 1,
        *,
        redundancy: Redundancy = NONE,
        dtx: bool = False,
        vbr: bool = False,
    ) -> None:
        self.format = PacketFormat.of(backend.config)
        self._rates = backend.config.rates
        kind = DeepEncoder if vbr else Encoder
        self._encoder = kind(
            backend, sample_rate, 1, 1, effort, block_frames=1, resampler=ShortResampler
        )
        self._effort = effort
        self._reservoir = Reservoir(backend.config.frame_rate)
        config = backend.config
        self.delay_ms = config.encoder_delay_ms + delay_ms(sample_rate, config.sample_rate)
        """Longest time from a sample to the last packet that tells of it: a window, look-ahead and
        resampling."""
        self.redundancy = redundancy
        self._copies = Copies(redundancy)
        self._sender = Sender(sample_rate, config) if dtx else None
        self.num_stages = num_stages

    @property
    def num_stages(self) -> int:
        """Stages of the packets to come, as many as fill them, copies included; may be set in
        mid-stream."""
        return self._encoder.num_stages + self.redundancy.num_stages

    @num_stages.setter
    def num_stages(self, num_stages: int) -> None:
        filled = self.format.filled(self._rates.pick(num_stages=num_stages))
        self._encoder.num_stages = self.redundancy.own_stages(filled)

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
        """The packets that are ready by now, in order; empty ones are not to be sent.

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
        if self._sender:
            self._sender.hear(array[0])
        return self._packets(self._encoder.push(array))

    def finish(self) -> list[bytes]:
        """The last packets, once the wave has ended."""
        return self._packets(self._encoder.finish())

    def _packets(self, codes: np.ndarray) -> list[bytes]:
        """Shape: codes [1, Q, F]."""
        return [self._packet(frame, number) for number, frame in enumerate(codes[0].T)]

    def _packet(self, codes: np.ndarray, number: int) -> bytes:
        """Shape: codes [Q] of frame `number` of those that the encoder gave last."""
        sent, update = self._sender.next() if self._sender else (True, False)
        if isinstance(self._encoder, DeepEncoder):
            codes = self._kept(self._encoder, codes, number, spends=sent and not update)
        whole = self._copies.attach(codes)
        if not sent:
            return b""
        return self.format.pack(self._shortened(whole) if update else whole)

    def _kept(
        self, encoder: DeepEncoder, codes: np.ndarray, number: int, *, spends: bool
    ) -> np.ndarray:
        """The stages that a frame gets; a payload is always filled up.

        Shape: codes [Q] -> [at most Q].
        """
        mean, copied = encoder.num_stages, self.redundancy.num_stages
        count = self._reservoir.stages(encoder.errors[0, :, number], mean) if spends else mean
        count = self._filling(max(count, copied), len(codes))
        if spends:
            self._reservoir.spend(count, mean)
        if self._effort == 1:
            return codes[:count]
        return encoder.search(encoder.latents[0][number : number + 1], count)[:, 0]

    def _filling(self, wanted: int, most: int) -> int:
        """The next number of own stages with which a payload is filled, or the last one before."""
        copied = self.redundancy.num_stages
        upwards = range(wanted, most + 1)
        downwards = range(min(wanted, most), 0, -1)
        return next(n for n in (*upwards, *downwards) if self.format.fits(n + copied))

    def _shortened(self, codes: np.ndarray) -> np.ndarray:
        """A packet with fewer stages of its own frame. Shape: codes [q + r] -> [at most q + r]."""
        copied = self.redundancy.num_stages
        own = len(codes) - copied
        fewest = min(own, max(UPDATE_STAGES, copied))
        own = min(own, self.format.filled(fewest + copied) - copied)
        return np.concatenate([codes[:own], codes[len(codes) - copied :]])
