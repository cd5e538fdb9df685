"""The jitter buffer: order restored, what is missing told, memory and delay bounded."""

import random

import pytest

from codec.live.jitter import JitterBuffer


def payload(number: int) -> bytes:
    return number.to_bytes(4, "big")


def started(depth: int = 3, **options: int) -> JitterBuffer:
    buffer = JitterBuffer(depth, **options)
    for number in range(depth):
        buffer.put(number, payload(number))
    return buffer


def test_nothing_is_given_until_enough_are_gathered() -> None:
    buffer = JitterBuffer(depth=3)
    for number in range(2):
        buffer.put(number, payload(number))
        assert buffer.take() is None
        assert not buffer.playing
    buffer.put(2, payload(2))
    assert [buffer.take() for _ in range(3)] == [payload(n) for n in range(3)]
    assert (buffer.counts.lost, buffer.counts.played) == (0, 3)


def test_order_is_restored_and_doubles_are_dropped() -> None:
    buffer = JitterBuffer(depth=4)
    for number in (1, 0, 3, 3, 2, 1):
        buffer.put(number, payload(number))
    assert [buffer.take() for _ in range(4)] == [payload(n) for n in range(4)]
    assert buffer.counts.doubled == 2
    buffer.put(2, payload(2))
    assert (buffer.counts.late, len(buffer)) == (1, 0)


def test_numbers_go_round() -> None:
    buffer, first = JitterBuffer(depth=2), 65_530
    given = []
    for number in range(first, first + 140_000):
        buffer.put(number % 65_536, payload(number))
        given.append(buffer.take())
    assert given[1:] == [payload(number) for number in range(first, first + 139_999)]


def test_what_was_concealed_while_starving_is_not_waited_for_again() -> None:
    buffer = started(depth=1)
    assert buffer.take() == payload(0)
    assert [buffer.take() for _ in range(3)] == [None] * 3  # 1, 2, 3 are late, or lost
    buffer.put(4, payload(4))
    assert buffer.take() == payload(4)
    assert (buffer.counts.starved, buffer.counts.lost) == (3, 3)


def test_a_late_packet_after_starving_is_still_heard() -> None:
    buffer = started(depth=1)
    assert buffer.take() == payload(0)
    assert buffer.take() is None
    buffer.put(1, payload(1))
    assert buffer.take() == payload(1)
    assert buffer.counts.lost == 0


def test_a_faster_sender_does_not_fill_memory() -> None:
    buffer = started(most=10)
    for number in range(3, 5_000):
        buffer.put(number, payload(number))
        if number % 2:
            buffer.take()
        assert len(buffer) <= 10
    assert buffer.counts.skipped > 0


def test_a_stray_number_is_refused_and_a_sender_that_begins_anew_is_followed() -> None:
    buffer = started()
    buffer.put(30_000, b"stray")
    buffer.put(3, payload(3))
    assert [buffer.take() for _ in range(4)] == [payload(n) for n in range(4)]
    assert buffer.counts.refused == 1
    for number in range(40_000, 40_004):
        buffer.put(number, payload(number))
    assert [buffer.take() for _ in range(3)] == [payload(n) for n in range(40_001, 40_004)]


@pytest.mark.parametrize("seed", range(20))
def test_any_numbers_and_payloads(seed: int) -> None:
    source, buffer = random.Random(seed), JitterBuffer(source_depth := 1 + seed % 5, most=20)
    centre = 0
    for _ in range(2_000):
        centre += source.choice([0, 1, 1, 1, 2])
        number = source.randrange(1 << 16) if source.random() < 0.1 else centre
        buffer.put(
            number + source.choice([0, 0, -3, 2]), source.randbytes(source.choice([1, 2_000]))
        )
        if source.random() < 0.7:
            given = buffer.take()
            assert given is None or len(given) == 1
        assert len(buffer) <= max(20, source_depth)
    counts = buffer.counts
    gone = counts.played + counts.late + counts.doubled + counts.refused + counts.skipped
    assert counts.received == gone + len(buffer)
