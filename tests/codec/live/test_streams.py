"""Conversations: packets equal the offline codes, and their sound the offline sound."""

import numpy as np
import pytest

from codec import AudioError, Codec, ConfigError, CorruptError
from codec.live import PacketFormat


def speech_like(num_samples: int, seed: int = 0) -> np.ndarray:
    wave = np.random.default_rng(seed).standard_normal(num_samples)
    return (0.1 * wave).astype(np.float32)


def test_a_packet_for_each_frame_and_nothing_else(toy: Codec) -> None:
    wave = speech_like(16_000)
    encoder = toy.encoder(16_000, num_stages=4)
    packets = [
        packet
        for start in range(0, 16_000, 320)
        for packet in encoder.push(wave[start : start + 320])
    ]
    packets += encoder.finish()
    assert {len(packet) for packet in packets} == {3}  # four stages of 6 bits
    assert len(packets) == toy.config.num_frames(16_000)
    decoder = toy.decoder(16_000)
    heard = np.concatenate([*(decoder.push(packet) for packet in packets), decoder.finish()])
    assert heard.shape == wave.shape
    assert np.abs(heard).max() <= 1.0


def test_lost_packets_keep_the_time(toy: Codec) -> None:
    encoder, decoder = toy.encoder(16_000), toy.decoder(16_000)
    packets = encoder.push(speech_like(8_000)) + encoder.finish()
    lost = [None if number % 3 else packet for number, packet in enumerate(packets)]
    heard = np.concatenate([*(decoder.push(packet) for packet in lost), decoder.finish()])
    assert len(heard) == 8_000
    assert decoder.num_concealed == lost.count(None)
    assert decoder.num_refused == 0


def test_the_rate_changes_in_mid_stream(toy: Codec) -> None:
    encoder, decoder = toy.encoder(16_000, bitrate_kbps=0.3), toy.decoder(16_000)
    first = encoder.push(speech_like(3_200))
    encoder.bitrate_kbps = 1.2
    second = encoder.push(speech_like(3_200, seed=1))
    assert ({len(p) for p in first}, {len(p) for p in second}) == ({1}, {3})
    assert encoder.bitrate_kbps == 1.2
    for packet in first + second:
        decoder.push(packet)
    assert decoder.num_refused == 0
    with pytest.raises(ConfigError):
        encoder.bitrate_kbps = 0.1


def test_payloads_are_filled_and_say_how_many_stages_they_hold() -> None:
    for bits in range(1, 13):
        form = PacketFormat(bits, 20, 50.0)
        for asked in range(1, 21):
            stages = form.filled(asked)
            assert stages >= asked
            assert form.num_stages_in(form.num_bytes(stages)) == stages
            codes = np.arange(stages) % (1 << bits)
            np.testing.assert_array_equal(form.unpack(form.pack(codes)), codes)


def test_what_is_no_payload_is_refused() -> None:
    form = PacketFormat(10, 16, 50.0)
    for payload in (b"", b"\0", bytes(6), bytes(21), b"\0\1", bytes(10**6)):
        with pytest.raises(CorruptError):
            form.unpack(payload)


def test_two_channels_are_refused(toy: Codec) -> None:
    with pytest.raises(AudioError, match="2 channels"):
        toy.encoder(16_000).push(np.zeros((2, 10), np.float32))
