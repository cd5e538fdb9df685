"""A click comes out within the delay that is stated, and one packet."""

from pathlib import Path

import numpy as np
import pytest

from codec import Codec

STEP_MS = 2


def arrivals(codec: Codec, wave: np.ndarray, rate: int) -> tuple[np.ndarray, np.ndarray, float]:
    """What is heard, how many samples had gone in when each came out, and the stated delay in ms.

    The wave comes as from a microphone, a little at a time.
    """
    encoder, decoder = codec.encoder(rate), codec.decoder(rate)
    step, heard, times = STEP_MS * rate // 1000, [], []
    for start in range(0, len(wave), step):
        for packet in encoder.push(wave[start : start + step]):
            heard.append(decoder.push(packet))
            times.append(np.full(len(heard[-1]), start + step))
    assert encoder.delay_ms + decoder.delay_ms >= codec.config.delay_ms
    return np.concatenate(heard), np.concatenate(times), encoder.delay_ms + decoder.delay_ms


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
def test_every_sample_comes_within_the_stated_delay(toy: Codec, rate: int) -> None:
    wave = (0.1 * np.random.default_rng(0).standard_normal(rate)).astype(np.float32)
    _, times, stated = arrivals(toy, wave, rate)
    packet_ms = 1000.0 / toy.config.frame_rate
    late_ms = 1000.0 * (times - np.arange(len(times))) / rate
    assert late_ms.max() <= stated + packet_ms + STEP_MS
    assert late_ms.max() > stated - packet_ms  # no more is stated than there is


def test_a_click_comes_out_where_it_went_in(clip: Path) -> None:
    codec = Codec.load()
    wave = np.zeros(16_000, np.float32)
    wave[8_000] = 0.9
    heard, times, stated = arrivals(codec, wave, 16_000)
    found = int(np.abs(heard).argmax())
    assert abs(found - 8_000) <= 16  # 1 ms
    late_ms = 1000.0 * (times[found] - 8_000) / 16_000
    print(
        f"a click comes out {late_ms:.1f} ms later, {found - 8_000} samples off; {stated:g} stated"
    )
    assert late_ms <= stated + 20.0 + STEP_MS
