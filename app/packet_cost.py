"""What a conversation costs: time for each packet, memory, and codes that blocks change."""

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from codec.audio import read_audio, resample

if TYPE_CHECKING:
    from codec.codec import Codec

EXAMPLES = Path(__file__).parent / "examples"
_WARM_UP_PACKETS = 50
_COMPARED_S = 60.0


@dataclass(frozen=True)
class PacketCost:
    """Milliseconds of one thread for a packet, encoded and decoded."""

    num_packets: int
    kbps: float
    packet_ms: float
    """Of sound."""
    processor_ms_median: float
    processor_ms_p95: float
    """Time on a processor: other programs on the machine matter little."""
    wall_ms_median: float
    wall_ms_p95: float
    encode_ms_median: float
    """Of `processor_ms_median`."""
    memory_mb: float
    """Resident after a tenth of the packets; NaN where the system doesn't tell."""
    growth_mb: float
    """From then to the end."""
    compared_codes: int
    differing_codes: int
    """Of those, in an encoding with blocks of the usual size."""


def measure_packets(codec: "Codec", num_stages: int, seconds: float) -> PacketCost:
    """Send that many seconds of the examples' speech from one hand to the other."""
    rate, hop = codec.config.sample_rate, codec.config.hop
    speech = _speech(rate)
    encoder, decoder = codec.encoder(rate, num_stages=num_stages), codec.decoder(rate)
    count = max(1, round(seconds * codec.config.frame_rate))
    costs = np.zeros((count, 3), np.float32)
    sent: list[bytes] = []
    early_mb = 0.0
    for number in range(-_WARM_UP_PACKETS, count):
        start = (number + _WARM_UP_PACKETS) * hop % (len(speech) - hop)
        wave = speech[start : start + hop]
        wall, before = time.perf_counter(), time.thread_time()
        packets = encoder.push(wave)
        between = time.thread_time()
        for packet in packets:
            decoder.push(packet)
        if number >= 0:
            after = time.thread_time()
            costs[number] = after - before, time.perf_counter() - wall, between - before
        if len(sent) < _COMPARED_S * codec.config.frame_rate:
            sent += packets
        if number == count // 10:
            early_mb = resident_mb()
    growth_mb = resident_mb() - early_mb
    codes = np.stack([encoder.format.unpack(packet) for packet in sent], axis=1)
    median, p95 = np.percentile(1000.0 * costs, [50, 95], axis=0)
    usual = _usual_codes(codec, speech, codes)
    return PacketCost(
        count, encoder.bitrate_kbps, 1000.0 / codec.config.frame_rate, float(median[0]),
        float(p95[0]), float(median[1]), float(p95[1]), float(median[2]), early_mb, growth_mb,
        codes.size, int((codes != usual).sum()),
    )  # fmt: skip


def resident_mb() -> float:
    """Memory of this process; NaN where the system doesn't tell."""
    with suppress(OSError):
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * 4_096 / 2**20
    return float("nan")


def _speech(rate: int) -> np.ndarray:
    """The examples one after the other. Shape: -> [T] float32."""
    return np.concatenate(list(_examples(rate)))


def _examples(rate: int) -> Iterator[np.ndarray]:
    for path in sorted(EXAMPLES.glob("*.flac")):
        wave, found = read_audio(path)
        yield resample(wave, found, rate).mean(0, dtype=np.float32)


def _usual_codes(codec: "Codec", speech: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """The codes that files hold of the same sound. Shape: codes [Q, F] -> the same."""
    hop = codec.config.hop
    starts = np.arange(codes.shape[1] + 1 + sum(codec.config.encoder_lookahead)) * hop
    waves = [speech[start : start + hop] for start in starts % (len(speech) - hop)]
    usual = codec.encode(
        np.concatenate(waves)[None], codec.config.sample_rate, num_stages=len(codes)
    )
    return np.asarray(usual)[0, :, : codes.shape[1]]
