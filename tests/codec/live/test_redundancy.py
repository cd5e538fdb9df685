"""Copies of earlier frames: lost frames come back with fewer stages, the time and rate are kept."""

import numpy as np
import pytest

from codec import Codec
from codec.coder import Decoder
from codec.errors import ConfigError
from codec.live import PacketDecoder, PacketFormat, Redundancy
from codec.live.redundancy import Arrival, Copies, Waiting

COPIES = Redundancy(num_stages=1, distance=2)


def noise(num_samples: int) -> np.ndarray:
    wave = np.random.default_rng(0).standard_normal(num_samples)
    return (0.1 * wave).astype(np.float32)


def packets_of(codec: Codec, redundancy: Redundancy, num_samples: int = 8_000) -> list[bytes]:
    encoder = codec.encoder(16_000, num_stages=4, redundancy=redundancy)
    return encoder.push(noise(num_samples)) + encoder.finish()


def heard(decoder: PacketDecoder, packets: "list[bytes | None]") -> np.ndarray:
    return np.concatenate([*(decoder.push(packet) for packet in packets), decoder.finish()])


def test_copies_are_part_of_the_rate(toy: Codec) -> None:
    plain, copied = (packets_of(toy, kind) for kind in (Redundancy(), COPIES))
    assert [len(packet) for packet in copied] == [len(packet) for packet in plain]
    assert copied != plain


def offline(codec: Codec, frames: list[np.ndarray]) -> np.ndarray:
    """The sound of codes [q] of one frame after the other, of any q."""
    decoder = Decoder(codec.backend, 16_000, 1, block_frames=1)
    latents = [codec.backend.dequantize(codes[:, None]) for codes in frames]
    waves = [decoder.push_latent([latent]) for latent in latents]
    return np.clip(np.concatenate([*waves, decoder.finish()], axis=1)[0], -1.0, 1.0)


def own_codes(codec: Codec, packets: list[bytes]) -> list[np.ndarray]:
    return [PacketFormat.of(codec.config).unpack(packet)[:3] for packet in packets]


def test_without_loss_the_frames_own_codes_are_heard(toy: Codec) -> None:
    packets = packets_of(toy, COPIES)
    decoder = toy.decoder(16_000, redundancy=COPIES)
    np.testing.assert_array_equal(
        heard(decoder, list(packets)), offline(toy, own_codes(toy, packets))
    )
    assert decoder.delay_ms == toy.decoder(16_000).delay_ms + 40.0


def test_a_lost_frame_is_heard_from_its_copy(toy: Codec) -> None:
    packets = packets_of(toy, COPIES)
    lost = [None if number in (10, 11) else packet for number, packet in enumerate(packets)]
    decoder = toy.decoder(16_000, redundancy=COPIES)
    found = heard(decoder, lost)
    assert (decoder.num_repaired, decoder.num_concealed) == (2, 0)
    frames = own_codes(toy, packets)
    frames[10:12] = [codes[:1] for codes in frames[10:12]]
    np.testing.assert_array_equal(found, offline(toy, frames))


def test_gaps_with_no_copy_are_concealed_and_the_time_is_kept(toy: Codec) -> None:
    packets = packets_of(toy, COPIES)
    lost = [None if 5 <= number < 12 else packet for number, packet in enumerate(packets)]
    decoder = toy.decoder(16_000, redundancy=COPIES)
    assert len(heard(decoder, lost)) == 8_000
    assert (decoder.num_repaired, decoder.num_concealed) == (2, 5)


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_a_stream_shorter_than_the_distance_ends(toy: Codec, count: int) -> None:
    packets = packets_of(toy, COPIES)[:count]
    decoder = toy.decoder(16_000, redundancy=COPIES)
    assert len(heard(decoder, list(packets))) == max(0, count - 1) * toy.config.hop


def test_the_next_known_frame_is_found_behind_lost_ones() -> None:
    waiting = Waiting(Redundancy(0, 3))
    for codes in (np.array([1]), None, None, np.array([4])):
        waiting.push(Arrival(codes))
    known = waiting.next_known()
    assert known is not None
    assert (known[0], known[1].tolist()) == (3, [4])


def test_copies_come_so_many_packets_later() -> None:
    copies = Copies(Redundancy(1, 2))
    packets = [copies.attach(np.array([number, 9])).tolist() for number in range(1, 5)]
    assert packets == [[1, 9, 0], [2, 9, 0], [3, 9, 1], [4, 9, 2]]


@pytest.mark.parametrize(("stages", "distance"), [(-1, 1), (1, 0), (1, -1), (1, 51), (0, 1_000)])
def test_copies_that_can_not_be_are_refused(stages: int, distance: int) -> None:
    with pytest.raises(ConfigError, match="expected"):
        Redundancy(stages, distance)


def test_a_rate_without_room_for_the_copies_is_refused(toy: Codec) -> None:
    with pytest.raises(ConfigError, match="at least 4 stages"):
        toy.encoder(16_000, num_stages=2, redundancy=Redundancy(2, 1))


def test_a_packet_too_short_for_a_frame_counts_as_lost(toy: Codec) -> None:
    decoder = toy.decoder(16_000, redundancy=Redundancy(2, 1))
    decoder.push(decoder.format.pack(np.array([1])))
    assert decoder.num_refused == 1
