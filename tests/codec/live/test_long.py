"""Long conversations: the time kept, memory flat, and numbers that go round where they should."""

import os
from pathlib import Path

import numpy as np
import pytest

from codec import Codec
from codec.live import LossTrace, Redundancy
from codec.live.jitter import JitterBuffer
from codec.live.rtp import RtpPacket, unpack_rtp

RATE, STEP = 44_100, 882
"""20 ms at a rate that shares little with the model's 16 kHz."""
COPIES = Redundancy(1, 2)
PACKETS_S = 50
LOOK_S = 10
"""Seconds of sound between two looks at where things stand."""
ROOM_MB = 4.0
FIRST = 65_000
"""Sequence number of the first packet."""
MINUTES = int(os.environ.get("NSVQ_TALK_MINUTES", "60"))
"""Of the slow test; a day has 1,440."""


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4_096 / 2**20


def talk(codec: Codec, seconds: int) -> None:
    """One wave through resampler, encoder, RTP, a line that loses packets, jitter buffer, decoder
    and back, as fast as it goes. Sequence numbers go round after 11 s and then every 22 minutes,
    the timestamp after one second."""
    speech = 0.2 * np.random.default_rng(0).standard_normal(RATE)
    speech = (speech * np.sin(np.arange(RATE) / 9_000) ** 2).astype(np.float32)
    encoder = codec.encoder(RATE, redundancy=COPIES)
    decoder = codec.decoder(RATE, redundancy=COPIES)
    buffer, line = JitterBuffer(depth=3), LossTrace(0.05, burst=1.5)
    number, gone, num_heard, late, memory_mb = FIRST, 0, 0, 0, 0.0
    for step in range(seconds * PACKETS_S):
        start = step % PACKETS_S * STEP
        for packet in encoder.push(speech[start : start + STEP]):
            stamp = 2**32 + (number - FIRST - PACKETS_S) * codec.config.hop
            sent = unpack_rtp(RtpPacket(number, stamp, 7, packet).pack())
            assert (sent.sequence, sent.timestamp) == (number % 2**16, stamp % 2**32)
            number += 1
            if line.next():
                gone += 1
            else:
                buffer.put(sent.sequence, sent.payload)
        num_heard += len(decoder.push(buffer.take()))
        if (step + 1) % (LOOK_S * PACKETS_S) == 0:
            behind = (step + 1) * STEP - num_heard
            late = late or behind
            assert abs(behind - late) <= 1  # no drift: as far behind as at the first look
            memory_mb = memory_mb or resident_mb()
            assert resident_mb() - memory_mb < ROOM_MB
            assert len(buffer) <= 5
    counts = buffer.counts
    assert (counts.refused, counts.late, counts.doubled, counts.skipped) == (0, 0, 0, 0)
    assert counts.played + len(buffer) == counts.received == number - FIRST - gone
    assert gone > 0.03 * (number - FIRST)
    assert decoder.num_packets == seconds * PACKETS_S
    assert 0 < decoder.num_repaired < gone


def test_half_a_minute(toy: Codec) -> None:
    talk(toy, 30)


@pytest.mark.slow
def test_an_hour(toy: Codec) -> None:
    talk(toy, 60 * MINUTES)
