"""Packets as they come, or don't, to a wave: one frame computed at a time."""

import numpy as np

from codec.backends.interface import Backend
from codec.coder import Decoder
from codec.errors import CorruptError
from codec.live.concealment import LossState, conceal
from codec.live.packets import PacketFormat
from codec.live.resampling import ShortResampler, delay_ms

_SETTLED_FRAMES = 4
"""Frames of silence after which the latent of silence no longer feels the start."""


class PacketDecoder:
    """The receiving side of a conversation; `Codec.decoder` makes one.

    Args:
        sample_rate: of the wave to give out, in Hz.
    """

    def __init__(self, backend: Backend, sample_rate: int) -> None:
        self.format = PacketFormat.of(backend.config)
        self._backend = backend
        self._decoder = Decoder(backend, sample_rate, 1, block_frames=1, resampler=ShortResampler)
        silence = silent_latent(backend)
        self._state = LossState(1000.0 / backend.config.frame_rate, silence, silence)
        config = backend.config
        ahead = (2 + sum(config.encoder_lookahead)) * config.hop / config.sample_rate
        self.delay_ms = config.delay_ms - 1000.0 * ahead + delay_ms(config.sample_rate, sample_rate)
        """Longest time from a packet to the samples it completes: look-ahead, refiner and
        resampling. With the encoder's, all of the delay but transport and jitter buffer."""
        self.num_packets = 0
        """Frames that came in, those concealed included."""
        self.num_concealed = 0
        """Frames of them that were lost or refused."""
        self.num_refused = 0
        """Packets of them that came but can't have been sent: a wrong length, stray bits."""

    def push(self, packet: bytes | None) -> np.ndarray:
        """The samples that are ready once this packet has come.

        Args:
            packet: the next in the order sent; None if it got lost. One that is no packet of this
                model counts as lost.

        Shape: -> wave [T] float32 in [-1, 1], T = 0 while the delay lasts.
        """
        self.num_packets += 1
        latent = self._latent(packet)
        return _heard(self._decoder.push_latent([latent[None]]))

    def finish(self) -> np.ndarray:
        """The last samples. Shape: -> wave [T] float32 in [-1, 1]."""
        return _heard(self._decoder.finish())

    def _latent(self, packet: bytes | None) -> np.ndarray:
        """Shape: -> latent [D]."""
        try:
            if packet is not None:
                codes = self.format.unpack(packet)
                latent = self._backend.dequantize(codes[:, None])[0]
                self._state.received(latent)
                return latent
        except CorruptError:
            self.num_refused += 1
        self.num_concealed += 1
        self._state.num_lost += 1
        return conceal(self._state)


def silent_latent(backend: Backend) -> np.ndarray:
    """The latent of digital silence. Shape: -> [D]."""
    config = backend.config
    stream = backend.analysis(block_frames=1)
    frames = _SETTLED_FRAMES + config.kernel * len(config.encoder_lookahead)
    blocks = stream.push(np.zeros(frames * config.hop, np.float32))
    return blocks[-1][-1]


def _heard(wave: np.ndarray) -> np.ndarray:
    """Shape: wave [1, T] -> [T] in [-1, 1]."""
    return np.clip(wave[0], -1.0, 1.0)
