"""A clip as a call: packet by packet, some of which get lost, and Opus on the same line.

Both hear the same 16-bit wave of one channel at the network's rate, and the trace of losses hangs
on that wave, the share and the burst alone (`Channel`): the same call again loses the same packets.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from app.demo.studio import Steps, Studio
from app.demo.waves import fitted, heard, new_wave
from codec.audio import open_audio, to_pcm16
from codec.errors import AudioError, ConfigError, EvaluationError
from codec.live import NONE, PacketDecoder, PacketEncoder, Redundancy
from training.evaluation.clips import SAMPLE_RATE
from training.evaluation.metrics.registry import METRICS
from training.evaluation.systems import libopus
from training.evaluation.systems.lossy import OPUS_DELAY_MS, Channel, decode_opus, encode_opus

CALL_S = 60.0
"""A call lasts no longer: the clip's start. A packet costs what it costs, however long the clip."""
MOST_LOST_PERCENT = 30.0
MOST_BURST = 10.0
OPUS_KBPS = 6.0
"""Opus goes no lower."""
SCORES = ("pesq_wb", "plcmos")
COPIES = (NONE, Redundancy(1, 1), Redundancy(2, 1), Redundancy(2, 3), Redundancy(4, 3))
"""What the page offers, as far as the model has the stages."""
STEP = 8_000
"""Samples between two words on where a call stands."""


@dataclass(frozen=True)
class Call:
    """What is sent, and what the line does to it."""

    bitrate_kbps: float
    """Of whole packets, copies included; the nearest on offer below is taken."""
    lost_percent: float = 10.0
    """Of the packets, in the long run."""
    burst: float = 2.0
    """Packets lost in a row, on average."""
    redundancy: Redundancy = NONE

    def __post_init__(self) -> None:
        """Refuse what no line does, and what this page won't try.

        Raises:
            ConfigError: a share or a burst out of range.
        """
        if not 0.0 <= self.lost_percent <= MOST_LOST_PERCENT:
            raise ConfigError(
                f"{self.lost_percent:g} % of packets lost; expected 0 to {MOST_LOST_PERCENT:g} %"
            )
        if not 1.0 <= self.burst <= MOST_BURST:
            raise ConfigError(
                f"bursts of {self.burst:g} packets; expected 1 to {MOST_BURST:g} on average"
            )

    @property
    def channel(self) -> Channel:
        """The line."""
        return Channel(self.lost_percent / 100.0, self.burst)


@dataclass
class Heard:
    """The other end of the line."""

    name: str
    path: Path
    """What is heard there, as 16-bit WAV."""
    kbps: float
    """Of all payloads, lost ones and copies included."""
    delay_ms: float
    """From a sample to its sound, without sound card, network and jitter buffer."""
    lost: np.ndarray
    """Which packets got lost, [packets] bool."""
    copies_kbps: float = 0.0
    """How much of `kbps` are copies."""
    num_repaired: int | None = None
    """Lost frames that were heard from their copies; None where nobody counts."""
    scores: dict[str, float] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    """By score, why there is none."""

    @property
    def num_lost(self) -> int:
        """Packets that didn't arrive."""
        return int(self.lost.sum())

    def measure(self, studio: Studio, sent: np.ndarray, name: str) -> None:
        """Fill in one of `SCORES`, or say why there is none. Shape: sent [T] int16."""
        try:
            if reason := METRICS[name].missing():
                raise EvaluationError(reason)
            rate = studio.codec.config.sample_rate
            decoded = studio.heard_file(self.path)
            self.scores |= studio.scorers.score(sent[: len(decoded)], decoded, rate, (name,))
        except EvaluationError as error:
            self.failures[name] = str(error)


def opus_missing(studio: Studio) -> str:
    """Why Opus can't be called here, in one line; empty if it can."""
    if studio.codec.config.sample_rate != SAMPLE_RATE:
        return f"these weights don't work at {SAMPLE_RATE:,} Hz"
    return libopus.missing()


def copies_on_offer(studio: Studio) -> list[Redundancy]:
    """Those of `COPIES` for which the highest bitrate has room."""
    most = studio.codec.config.num_stages
    return [copies for copies in COPIES if 2 * copies.num_stages <= most]


def sent_wave(studio: Studio, path: Path) -> np.ndarray:
    """What is said into the telephone: the start of a recording, all channels in one.

    Shape: -> [T] int16 at the network's rate.

    Raises:
        AudioError: there is next to nothing in it.
    """
    with open_audio(path) as reader:
        return folded(studio, reader.blocks(), reader.info.sample_rate)


def folded(studio: Studio, blocks: Iterable[np.ndarray], sample_rate: int) -> np.ndarray:
    """`sent_wave` of a recording's blocks. Shape: blocks [C, T] -> [T] int16."""
    wave = to_pcm16(heard(blocks, sample_rate, studio.codec.config.sample_rate, CALL_S))
    if len(wave) == 0:
        raise AudioError("There is no sound in this file.")
    return wave


def calling(studio: Studio, sent: np.ndarray, call: Call, path: Path) -> Steps[Heard]:
    """`sent` through packets of this codec into `path`, in steps, each giving the share done.

    Shape: sent [T] int16.

    Raises:
        ConfigError: a bitrate below the lowest, or without room for the copies.
    """
    codec, copies = studio.codec, call.redundancy
    rate, frame_rate = codec.config.sample_rate, codec.config.frame_rate
    _check_room(studio, call)
    encoder = codec.encoder(rate, call.bitrate_kbps, redundancy=copies)
    decoder = codec.decoder(rate, redundancy=copies)
    lost = call.channel.lost(sent, codec.config.num_frames(len(sent)))
    packets: list[bytes] = []
    blocks = _arriving(_sending(encoder, sent, packets), decoder, lost)
    with new_wave(path, rate, 1) as file:
        for block in fitted(blocks, len(sent)):
            file.write(block)
            yield file.num_samples / len(sent)
    copies_kbps = copies.num_stages * codec.config.code_bits * frame_rate / 1000.0
    return Heard(
        f"nsvq {encoder.bitrate_kbps:g} kbps", path, _kbps(packets, len(sent) / rate),
        encoder.delay_ms + decoder.delay_ms, lost, copies_kbps, decoder.num_repaired,
    )  # fmt: skip


def _sending(
    encoder: PacketEncoder, sent: np.ndarray, packets: list[bytes]
) -> Iterator[list[bytes]]:
    """Half a second's packets at a time, kept in `packets` too. Shape: sent [T] int16."""
    wave = sent / np.float32(32_768)
    for start in range(0, len(wave), STEP):
        packets += (new := encoder.push(wave[start : start + STEP]))
        yield new
    packets += (new := encoder.finish())
    yield new


def _arriving(
    sending: Iterable[list[bytes]], decoder: PacketDecoder, lost: np.ndarray
) -> Iterator[np.ndarray]:
    """What is heard meanwhile. Shape: lost [packets] bool -> blocks [1, T]."""
    gone = iter(lost)
    for packets in sending:
        heard = [decoder.push(None if next(gone) else packet) for packet in packets]
        yield np.concatenate([np.zeros(0, np.float32), *heard])[None]
    yield decoder.finish()[None]


def _check_room(studio: Studio, call: Call) -> None:
    """A word for a visitor, who thinks in kbps and not in stages."""
    fewest, stage_kbps = 2 * call.redundancy.num_stages, studio.codec.config.bitrate_kbps(1)
    if studio.codec.stages_for(call.bitrate_kbps) < fewest:
        raise ConfigError(
            f"{call.bitrate_kbps:g} kbps have no room for copies of "
            f"{stage_kbps * call.redundancy.num_stages:g} kbps; expected at least twice as much"
        )


def call_opus(sent: np.ndarray, call: Call, bitrate_kbps: float, path: Path) -> Heard:
    """`sent` through libopus near `bitrate_kbps` into `path`, with the same packets lost.

    Shape: sent [T] int16.

    Raises:
        EvaluationError: libopus is missing or complains.
    """
    kbps, channel = max(OPUS_KBPS, bitrate_kbps), call.channel
    packets, late = encode_opus(sent, kbps, channel.share)
    lost = channel.lost(sent, len(packets))
    wave = decode_opus(packets, lost)[late:][: len(sent)]
    with new_wave(path, SAMPLE_RATE, 1) as file:
        file.write(wave[None] / np.float32(32_768))
    sent_kbps = _kbps(packets, len(sent) / SAMPLE_RATE)
    return Heard(f"Opus {kbps:g} kbps", path, sent_kbps, OPUS_DELAY_MS, lost)


def _kbps(packets: Iterable[bytes], seconds: float) -> float:
    """Payloads over the time that they stand for."""
    return 8.0 * sum(map(len, packets)) / seconds / 1000.0
