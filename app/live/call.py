"""A conversation's loop: every 20 ms a wave goes in, packets travel, and a wave comes out."""

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from app.live.network import Receiver, Sender
from codec.live import LossTrace, PacketDecoder, PacketEncoder
from codec.live.jitter import JitterBuffer

QUIET_S = 5.0
"""A receiver without a microphone that writes a file ends so long after the last packet."""
_LOSS_STEP = 0.05
_MOST_LOSS = 0.5


@dataclass
class Talking:
    """The sending side."""

    waves: Iterator[np.ndarray]
    """[T] each, a packet's time long."""
    encoder: PacketEncoder
    loss: float = 0.0
    """Share of packets to lose."""
    burst: float = 2.0
    seed: int = 0
    sender: Sender | None = None
    """None: what is sent is heard on this machine."""
    num_packets: int = 0
    num_lost: int = 0
    num_bytes: int = 0

    def __post_init__(self) -> None:
        self._trace = LossTrace(self.loss, self.burst, self.seed)

    def change(self, key: str) -> None:
        """What a key changes: the bitrate by a stage, the loss by 5 %."""
        if key in "lk":
            step = _LOSS_STEP if key == "l" else -_LOSS_STEP
            self.loss = round(min(_MOST_LOSS, max(0.0, self.loss + step)), 6)
            self._trace = LossTrace(self.loss, max(1.0, self.burst), self.seed + self.num_packets)
        elif key in "+-":
            form, now = self.encoder.format, self.encoder.num_stages
            lowest = 1 + 2 * self.encoder.redundancy.num_stages
            wanted = now + 1 if key == "+" else now - 1
            while key == "-" and form.filled(max(1, wanted)) == now and wanted > 0:
                wanted -= 1
            if lowest <= wanted <= form.num_stages:
                self.encoder.num_stages = wanted

    def lost(self, packet: bytes) -> bool:
        """Count a packet; whether it gets lost."""
        lost = bool(packet) and self._trace.next()
        self.num_packets += bool(packet)
        self.num_lost += lost
        self.num_bytes += len(packet)
        return lost


@dataclass
class Listening:
    """The receiving side."""

    decoder: PacketDecoder
    receiver: Receiver | None = None
    """None: what is sent on this machine is heard."""
    buffer: JitterBuffer = field(default_factory=JitterBuffer)

    def heard(self) -> Iterator[np.ndarray]:
        """What the next packet from the network completes. Shape: -> wave [T]."""
        if self.receiver is None:
            return
        self.receiver.drain(self.buffer)
        packet = self.buffer.take()
        if self.buffer.playing:
            yield self.decoder.push(packet)


@dataclass
class Call:
    """A conversation.

    Args:
        paced: whether the clock, and not the microphone, says when the next packet is due.
        seconds: after which it ends; None for when the talking does.
        tell: called once a second of sound.
        keys: the keys pressed since it was called last.
    """

    talking: Talking | None
    listening: Listening | None
    packet_s: float
    paced: bool = True
    seconds: float | None = None
    ends_when_quiet: bool = False
    tell: Callable[["Call"], None] = lambda call: None
    keys: Callable[[], str] = lambda: ""
    elapsed_s: float = 0.0
    """Of sound."""

    def __post_init__(self) -> None:
        self.costs_ms: deque[float] = deque(maxlen=3_000)
        """Time spent on each of the last packets, both ways."""
        self._asked_to_end = False

    def blocks(self) -> Iterator[np.ndarray]:
        """What is heard, until an end or Ctrl-C. Shape: -> waves [1, T]."""
        start = time.monotonic()
        try:
            for turn in itertools.count():
                if self.paced:
                    time.sleep(max(0.0, start + turn * self.packet_s - time.monotonic()))
                more, waves = self._turn()
                self.elapsed_s = (turn + 1) * self.packet_s
                yield from waves
                self._look_up(turn)
                if not more or self._over():
                    break
        except KeyboardInterrupt:
            pass  # the end of a conversation, not of the program
        if self.listening:
            yield self.listening.decoder.finish()[None]

    def _turn(self) -> tuple[bool, list[np.ndarray]]:
        """Whether the talking goes on, and what is heard. Shape: -> waves [1, T]."""
        wave = next(self.talking.waves, None) if self.talking else None
        begun = time.perf_counter()
        heard = list(self._sent(wave)) if self.talking else []
        if self.listening:
            heard += self.listening.heard()
        self.costs_ms.append(1000.0 * (time.perf_counter() - begun))
        return self.talking is None or wave is not None, [one[None] for one in heard if len(one)]

    def _sent(self, wave: np.ndarray | None) -> Iterator[np.ndarray]:
        """Send a wave, the rest if there is none; what is heard of it on this machine.

        Shape: wave [T] -> waves [T].
        """
        talking = self.talking
        assert talking is not None
        encoder = talking.encoder
        for packet in encoder.finish() if wave is None else encoder.push(wave):
            lost = talking.lost(packet)
            if talking.sender:
                talking.sender.send(packet, lost)
            elif self.listening:
                yield self.listening.decoder.push(None if lost else packet)

    def _look_up(self, turn: int) -> None:
        """Keys, and a word once a second."""
        for key in self.keys():
            self._asked_to_end |= key == "q"
            if self.talking:
                self.talking.change(key)
        if (turn + 1) % max(1, round(1.0 / self.packet_s)) == 0:
            self.tell(self)

    def _over(self) -> bool:
        receiver = self.listening.receiver if self.listening else None
        quiet = self.ends_when_quiet and receiver is not None and receiver.quiet_s > QUIET_S
        late = self.seconds is not None and self.elapsed_s >= self.seconds - 1e-9
        return self._asked_to_end or quiet or late
