"""However a conversation is cut up, its packets are the offline codes and its sound the offline
sound, bit for bit; offline means blocks of one frame."""

import random
from pathlib import Path

import numpy as np
import pytest
import soundfile

from codec import Codec
from codec.live.resampling import ShortResampler


def speech_like(num_samples: int, seed: int) -> np.ndarray:
    wave = np.random.default_rng(seed).standard_normal(num_samples)
    return (0.1 * wave).astype(np.float32)


def random_pieces(source: random.Random, wave: np.ndarray) -> list[np.ndarray]:
    """The wave cut at random, mostly into pieces of one size with others between them."""
    most = source.choice([1, 2, 37, 160, 320, 321, 1_000, 5_000])
    places, start = [], 0
    while start < len(wave):
        places.append(start)
        start += source.randint(max(1, most // 2), most)
    return [wave[a:b] for a, b in zip(places, [*places[1:], len(wave)], strict=True)]


def converse(codec: Codec, pieces: list[np.ndarray], rate: int, stages: int) -> list[bytes]:
    encoder = codec.encoder(rate, num_stages=stages)
    packets = [packet for piece in pieces for packet in encoder.push(piece)]
    return packets + encoder.finish()


def check(codec: Codec, offline: Codec, wave: np.ndarray, source: random.Random, rate: int) -> None:
    """One wave through random pieces, both ways."""
    stages = codec.encoder(rate, num_stages=source.randint(1, codec.config.num_stages)).num_stages
    packets = converse(codec, random_pieces(source, wave), rate, stages)
    decoder = codec.decoder(rate)
    codes = np.stack([decoder.format.unpack(packet) for packet in packets], axis=1)[None]
    at_own_rate = rate == codec.config.sample_rate
    if at_own_rate:
        np.testing.assert_array_equal(codes, offline.encode(wave, rate, num_stages=stages))
    else:  # files are resampled otherwise, with more delay
        assert packets == converse(codec, [wave], rate, stages)
    heard = np.concatenate([*(decoder.push(packet) for packet in packets), decoder.finish()])
    expected = offline.decode(codes)[0]
    if not at_own_rate:
        resampler = ShortResampler(16_000, rate, lambda count: count * rate // 16_000)
        expected = np.concatenate([*resampler.push(expected[None]), *resampler.finish()], axis=1)[0]
    np.testing.assert_array_equal(heard, np.clip(expected, -1.0, 1.0))


@pytest.fixture(scope="module")
def offline(toy_path: Path) -> Codec:
    return Codec.load(toy_path, block_frames=1)


@pytest.mark.parametrize("seed", range(40))
def test_random_pieces(toy: Codec, offline: Codec, seed: int) -> None:
    source = random.Random(seed)
    wave = speech_like(source.randint(1, 8_000), seed)
    check(toy, offline, wave, source, 16_000)


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000])
@pytest.mark.parametrize("seed", range(3))
def test_random_pieces_at_other_rates(toy: Codec, offline: Codec, rate: int, seed: int) -> None:
    source = random.Random(seed)
    check(toy, offline, speech_like(source.randint(1, rate // 2), seed), source, rate)


@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_random_pieces_into_frames_known_early(early: Codec, early_path: Path, rate: int) -> None:
    offline = Codec.load(early_path, block_frames=1)
    for seed in range(8):
        source = random.Random(seed)
        check(early, offline, speech_like(source.randint(1, rate // 2), seed), source, rate)


@pytest.mark.slow
def test_a_thousand_random_pieces(toy: Codec, offline: Codec) -> None:
    for seed in range(1_000):
        source = random.Random(seed)
        check(toy, offline, speech_like(source.randint(1, 6_000), seed), source, 16_000)


@pytest.mark.parametrize("seed", range(3))
def test_random_pieces_with_the_shipped_weights(clips: list[Path], seed: int) -> None:
    source = random.Random(seed)
    wave, rate = soundfile.read(clips[seed], dtype="float32")
    check(Codec.load(), Codec.load(block_frames=1), wave[: 2 * rate], source, rate)


@pytest.mark.parametrize("kind", ["toy_path", "early_path"])
def test_torch_gives_the_same_bits_in_pieces(kind: str, request: pytest.FixtureRequest) -> None:
    path = request.getfixturevalue(kind)
    codec = Codec.load(path, backend="torch")
    source = random.Random(0)
    offline = Codec.load(path, backend="torch", block_frames=1)
    check(codec, offline, speech_like(3_000, 0), source, 16_000)
