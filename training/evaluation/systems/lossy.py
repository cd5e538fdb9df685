"""Codecs in a conversation that loses packets: ours and Opus, both with the same packets lost.

Both send a packet every 20 ms. Packet n gets lost for one exactly if it does for the other: a
trace hangs on the clip, the share lost and the seed alone. Their coded size is the sum of all
payloads that were sent, lost ones included, without the transport's headers.
"""

import resource
import time
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from codec.audio import to_pcm16
from codec.errors import CodecError, EvaluationError
from codec.live.redundancy import NONE, Redundancy
from codec.live.traces import LossTrace
from training.evaluation.clips import SAMPLE_RATE
from training.evaluation.systems import libopus
from training.evaluation.systems.pauses import between_pauses
from training.evaluation.systems.system import CheckpointSystem, Decoded, System, load_codec

OPUS_RATES_KBPS = (9.0,)
"""Where none are asked for."""
OPUS_DELAY_MS = 46.5
"""A frame, libopus's look-ahead of 6.5 ms, and the packet more that is waited for, whose FEC may
hold a lost frame."""


@dataclass(frozen=True)
class Channel:
    """A way that loses packets."""

    share: float
    """Of all packets, 0 to below 1."""
    burst: float = 2.0
    """Packets lost in a row, on average."""
    seed: int = 0

    def __post_init__(self) -> None:
        LossTrace(self.share, self.burst)

    def lost(self, reference: np.ndarray, num_packets: int) -> np.ndarray:
        """Which packets of a clip get lost. Shape: reference [T] int16 -> [num_packets] bool."""
        seed = zlib.crc32(reference.tobytes()) + self.seed
        return LossTrace(self.share, self.burst, seed).take(num_packets)

    def __str__(self) -> str:
        return f"{100 * self.share:g} % lost"


@dataclass(frozen=True)
class Packets:
    """How a conversation is sent."""

    dtx: bool = False
    """Frames without speech are left out."""
    vbr: bool = False
    """Frames get stages by their error."""
    pause_s: float = 0.0
    """Background to send before and after each clip; the clip alone is scored."""


@dataclass(frozen=True)
class PacketSystem:
    """A checkpoint of this project in packets."""

    weights: CheckpointSystem
    channel: Channel
    redundancy: Redundancy = NONE
    packets: Packets = Packets()

    @property
    def name(self) -> str:
        """The weights', the copies and the loss."""
        copies = f" copies {self.redundancy.num_stages}:{self.redundancy.distance}"
        parts = (
            copies if self.redundancy != NONE else "",
            " dtx" if self.packets.dtx else "",
            " vbr" if self.packets.vbr else "",
        )
        pause_s = self.packets.pause_s
        pause = f", pauses of {pause_s:g} s" if pause_s else ""
        return f"{self.weights.name}{''.join(parts)}, {self.channel}{pause}"

    @property
    def rates_kbps(self) -> tuple[float, ...]:
        """Of whole packets, copies included."""
        return self.weights.rates_kbps

    def identity(self) -> str:
        """Hash of the weights and all that packets go through."""
        settings = (self.channel, self.redundancy, self.packets)
        return f"{self.weights.identity()} {settings!r}"

    def version(self) -> str:
        """The weights' name, and the delay."""
        ours = load_codec(self.weights.path, self.weights.effort)
        delay = ours.config.delay_ms + self.redundancy.distance * 1000.0 / ours.config.frame_rate
        return f"{self.weights.weights()}, {delay:g} ms of algorithmic delay"

    def trained_on(self) -> tuple[str, ...] | None:
        """See `CheckpointSystem`."""
        return self.weights.trained_on()

    def code(self, reference: np.ndarray, kbps: float, folder: Path) -> Decoded:
        """Packet after packet, some of them lost, on one thread; `folder` stays empty."""
        ours = load_codec(self.weights.path, self.weights.effort)
        ways = self.packets
        wave = between_pauses(reference / np.float32(32768), ways.pause_s, SAMPLE_RATE)
        start = time.process_time()
        encoder = ours.encoder(
            SAMPLE_RATE, kbps, redundancy=self.redundancy, dtx=ways.dtx, vbr=ways.vbr
        )
        packets = [*encoder.push(wave), *encoder.finish()]
        middle = time.process_time()
        lost = self.channel.lost(reference, len(packets))
        decoder = ours.decoder(SAMPLE_RATE, redundancy=self.redundancy)
        arrived = (None if gone else packet for packet, gone in zip(packets, lost, strict=True))
        heard = np.concatenate([*(decoder.push(packet) for packet in arrived), decoder.finish()])
        heard = heard[round(ways.pause_s * SAMPLE_RATE) :][: len(reference)]
        share = len(reference) / len(wave)  # the bitrate is that of clip and pauses
        return _decoded(to_pcm16(heard), share * sum(map(len, packets)), start, middle)


@dataclass(frozen=True)
class OpusSystem:
    """libopus in packets, told of the loss, with its in-band FEC where it finds room for it."""

    rates_kbps: tuple[float, ...]
    channel: Channel

    @property
    def name(self) -> str:
        """With the loss."""
        return f"opus, {self.channel}"

    def identity(self) -> str:
        """Which library, and what it goes through."""
        return f"{libopus.version()} {self.channel!r}"

    def version(self) -> str:
        """The library's own word."""
        ways = "in-band FEC on, its own concealment"
        return f"{libopus.version()}, {ways}, {OPUS_DELAY_MS:g} ms of delay"

    def code(self, reference: np.ndarray, kbps: float, folder: Path) -> Decoded:
        """Packet after packet, some of them lost; `folder` stays empty."""
        start = time.process_time()
        packets, delay = encode_opus(reference, kbps, self.channel.share)
        middle = time.process_time()
        wave = decode_opus(packets, self.channel.lost(reference, len(packets)))
        return _decoded(wave[delay:][: len(reference)], sum(map(len, packets)), start, middle)


def encode_opus(reference: np.ndarray, kbps: float, share: float) -> tuple[list[bytes], int]:
    """The packets of a clip, told that `share` of them get lost, and by how many samples the
    decoded wave will be late.

    Shape: reference [T] int16.
    """
    encoder = libopus.OpusEncoder(SAMPLE_RATE, kbps, share, fec=True)
    count = -(-(len(reference) + encoder.delay) // encoder.frame)
    padded = np.zeros(count * encoder.frame, np.int16)
    padded[: len(reference)] = reference
    return [encoder.encode(samples) for samples in padded.reshape(count, -1)], encoder.delay


def decode_opus(packets: Sequence[bytes], lost: np.ndarray) -> np.ndarray:
    """What is heard of packets; a lost one comes out of the next one's FEC, if that is there.

    Shape: lost [N] bool -> [N * 320] int16.
    """
    decoder = libopus.OpusDecoder(SAMPLE_RATE)
    heard = []
    for number, packet in enumerate(packets):
        repeated = number + 1 < len(packets) and not lost[number + 1]
        if not lost[number]:
            heard.append(decoder.decode(packet))
        elif repeated:
            heard.append(decoder.decode(packets[number + 1], fec=True))
        else:
            heard.append(decoder.decode(None))
    return np.concatenate(heard)


def lossy_systems(
    weights: Iterable[CheckpointSystem],
    channels: Sequence[Channel],
    copies: Sequence[Redundancy] = (NONE,),
    packets: Packets = Packets(),
) -> list[PacketSystem]:
    """Every checkpoint through every channel, with each kind of copies.

    Raises:
        EvaluationError: a bitrate that has no room for the copies.
    """
    systems = [
        PacketSystem(system, channel, redundancy, packets)
        for system in weights
        for redundancy in copies
        for channel in channels
    ]
    for system in systems:
        try:
            for kbps in system.rates_kbps:
                ours = load_codec(system.weights.path, system.weights.effort)
                ours.encoder(SAMPLE_RATE, kbps, redundancy=system.redundancy)
        except CodecError as error:
            raise EvaluationError(f"{system.name}: {error}") from error
    return systems


def lossy_peers(
    names: Iterable[str], rates_kbps: Sequence[float], channels: Sequence[Channel]
) -> tuple[list[System], list[str]]:
    """Opus through every channel, and a line if it can't run here.

    Raises:
        EvaluationError: another peer, whose packets nobody can drop.
    """
    names = list(names)
    if others := [name for name in names if name != "opus"]:
        raise EvaluationError(f"{others[0]} can't lose packets here; the only peer that can: opus")
    if names and (reason := libopus.missing()):
        return [], [f"opus skipped: {reason}"]
    rates = tuple(rates_kbps) or OPUS_RATES_KBPS
    return [OpusSystem(rates, channel) for _ in names for channel in channels], []


def _decoded(wave: np.ndarray, num_bytes: float, start: float, middle: float) -> Decoded:
    """What came of a clip that was encoded from `start` to `middle` (processor seconds).

    Shape: wave [T] int16.
    """
    return Decoded(
        wave, num_bytes, num_bytes, middle - start, time.process_time() - middle,
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )  # fmt: skip
