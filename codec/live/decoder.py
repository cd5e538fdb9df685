"""Packets as they come, or don't, to a wave: one frame computed at a time."""

import numpy as np

from codec.backends.interface import Backend
from codec.coder import Decoder
from codec.errors import CorruptError
from codec.live.concealment import LossState, conceal
from codec.live.packets import PacketFormat
from codec.live.redundancy import NONE, Arrival, Redundancy, Waiting
from codec.live.resampling import ShortResampler, delay_ms
from codec.live.silence import ComfortNoise

_SETTLED_FRAMES = 4
"""Frames of silence after which the latent of silence no longer feels the start."""


class PacketDecoder:
    """The receiving side of a conversation; `Codec.decoder` makes one.

    Args:
        sample_rate: of the wave to give out, in Hz.
        redundancy: the copies that the sender sends along.
    """

    def __init__(self, backend: Backend, sample_rate: int, redundancy: Redundancy = NONE) -> None:
        self.format = PacketFormat.of(backend.config)
        self._backend = backend
        self._decoder = Decoder(backend, sample_rate, 1, block_frames=1, resampler=ShortResampler)
        silence = silent_latent(backend)
        self._state = LossState(1000.0 / backend.config.frame_rate, silence, silence)
        config = backend.config
        waited_ms = 1000.0 * redundancy.distance / config.frame_rate
        self.delay_ms = config.delay_ms - config.encoder_delay_ms + waited_ms
        self.delay_ms += delay_ms(config.sample_rate, sample_rate)
        """Longest time from a packet to the samples it completes: look-ahead, refiner, resampling
        and waiting for copies. With the encoder's, all but transport and jitter buffer."""
        self.redundancy = redundancy
        self._waiting = Waiting(redundancy)
        self._noise = ComfortNoise(silence)
        self.num_packets = 0
        """Frames that came in, those concealed included."""
        self.num_concealed = 0
        """Frames of them that were lost or refused."""
        self.num_refused = 0
        """Packets of them that came but can't have been sent: a wrong length, stray bits."""
        self.num_repaired = 0
        """Frames whose packet got lost and that were heard from their copy."""

    def push(self, packet: bytes | None) -> np.ndarray:
        """The samples that are ready once this packet has come.

        Args:
            packet: the next in the order sent; None if it got lost, empty if the sender sent none,
                as nobody spoke. One that is no packet of this model counts as lost.

        Shape: -> wave [T] float32 in [-1, 1], T = 0 while the delay lasts.
        """
        self.num_packets += 1
        return self._frame(self._arrival(packet))

    def finish(self) -> np.ndarray:
        """The last samples. Shape: -> wave [T] float32 in [-1, 1]."""
        waited = [self._frame(Arrival()) for _ in range(self.redundancy.distance)]
        return np.concatenate([*waited, _heard(self._decoder.finish())])

    def _arrival(self, packet: bytes | None) -> Arrival:
        """What a packet holds; nothing if it is none."""
        if packet is None:
            return Arrival()
        if not packet:
            return Arrival(sent=False)
        try:
            return self._waiting.split(self.format.unpack(packet))
        except CorruptError:
            self.num_refused += 1
            return Arrival()

    def _frame(self, arrival: Arrival) -> np.ndarray:
        """The samples that the frame whose turn it is completes. Shape: -> wave [T]."""
        frame = self._waiting.push(arrival)
        if frame is None:
            return np.zeros(0, np.float32)
        return _heard(self._decoder.push_latent([self._latent(frame)[None]]))

    def _latent(self, frame: Arrival) -> np.ndarray:
        """Shape: -> latent [D]."""
        if frame.own is not None:
            self.num_repaired += frame.repaired
            latent = self._dequantize(frame.own)
            self._noise.received(latent)
        elif not frame.sent:
            latent = self._noise.next()
        else:
            return self._conceal()
        self._state.received(latent)
        return latent

    def _conceal(self) -> np.ndarray:
        """Shape: -> latent [D]."""
        self.num_concealed += 1
        self._state.num_lost += 1
        self._noise.received(None)
        known = self._waiting.next_known()
        if known is None:
            return conceal(self._state)
        return conceal(self._state, known[0], self._dequantize(known[1]))

    def _dequantize(self, codes: np.ndarray) -> np.ndarray:
        """Shape: codes [Q] -> latent [D]."""
        return self._backend.dequantize(codes[:, None])[0]


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
