"""Packets from anywhere: never a crash, never a sample out of [-1, 1], and the time kept."""

import random

import numpy as np
import pytest

from codec import Codec
from codec.live.jitter import JitterBuffer


def hostile(source: random.Random, sound: list[bytes]) -> bytes | None:
    """A packet as it should be, or lost, cut, lengthened, doubled, stale, with bits changed, or
    random from its first bit to its last."""
    packet = bytearray(source.choice(sound))
    kind = source.randrange(8)
    if kind == 0:
        return None
    if kind == 1:
        del packet[source.randrange(len(packet)) :]
    elif kind == 2:
        packet += source.randbytes(source.choice([1, 2, 40, 1_500]))
    elif kind == 3:
        packet[source.randrange(len(packet))] ^= 1 << source.randrange(8)
    elif kind == 4:
        return source.randbytes(len(packet))
    elif kind == 5:
        return source.randbytes(source.randrange(30))
    return bytes(packet)


def survive(codec: Codec, count: int, seed: int) -> None:
    """`count` packets through a jitter buffer and a decoder."""
    source = random.Random(seed)
    wave = (0.3 * np.random.default_rng(seed).standard_normal(8_000)).astype(np.float32)
    sound = codec.encoder(16_000).push(wave) + codec.encoder(16_000, num_stages=1).push(wave)
    buffer, decoder = JitterBuffer(2, most=10, max_bytes=64), codec.decoder(16_000)
    length, sequence = 0, 0
    for _ in range(count):
        sequence += source.choice([0, 1, 1, 1, 1, 2])
        packet = hostile(source, sound)
        if packet is not None:
            stale = source.choice([0, 0, 0, 0, -1, -5, source.randrange(65_536)])
            buffer.put(sequence + stale, packet)
        heard = decoder.push(buffer.take())
        length += len(heard)
        assert np.abs(heard).max(initial=0.0) <= 1.0  # false for NaN as well
    assert decoder.num_packets == count
    assert length + len(decoder.finish()) == (count - 1) * codec.config.hop
    assert 0 < decoder.num_refused < decoder.num_concealed < count


def test_hostile_packets(toy: Codec) -> None:
    survive(toy, 2_000, seed=0)


def test_hostile_packets_with_the_shipped_weights() -> None:
    survive(Codec.load(), 200, seed=1)


@pytest.mark.slow
def test_a_million_hostile_packets(toy: Codec) -> None:
    survive(toy, 1_000_000, seed=2)
