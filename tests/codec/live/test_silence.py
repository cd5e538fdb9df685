"""Discontinuous transmission: pauses are hardly sent, no beginning is cut, the time is kept."""

import numpy as np
import pytest

from codec import Codec
from codec.config import ModelConfig
from codec.live import Redundancy
from codec.live.silence import HANGOVER_FRAMES, UPDATE_FRAMES, ComfortNoise, SpeechDetector

RATES = [8_000, 11_025, 16_000, 44_100, 48_000]


def talk(sample_rate: int, *, pause_s: float = 3.0) -> np.ndarray:
    """A second of syllables, a pause of quiet noise, another second of syllables."""
    random = np.random.default_rng(0)
    seconds = np.arange(sample_rate) / sample_rate
    syllables = 0.1 * (0.05 + np.abs(np.sin(2.0 * np.pi * 2.0 * seconds)))
    pause = np.full(int(pause_s * sample_rate), 0.0005)
    levels = np.concatenate([syllables, pause, syllables])
    return (levels * random.standard_normal(len(levels))).astype(np.float32)


def sent(codec: Codec, wave: np.ndarray, sample_rate: int, piece: int = 999) -> list[bytes]:
    encoder = codec.encoder(sample_rate, num_stages=4, dtx=True)
    packets = [
        packet
        for start in range(0, len(wave), piece)
        for packet in encoder.push(wave[start : start + piece])
    ]
    return packets + encoder.finish()


@pytest.mark.parametrize(
    ("kind", "sample_rate"),
    [*(("toy", rate) for rate in RATES), ("early", 16_000), ("early", 48_000)],
)
def test_speech_is_sent_and_a_pause_is_not(
    kind: str, sample_rate: int, request: pytest.FixtureRequest
) -> None:
    toy = request.getfixturevalue(kind)
    packets = sent(toy, talk(sample_rate), sample_rate)
    assert all(packets[:50])
    assert all(packets[200:])  # the frame whose window ends in the first loud hop is number 200
    pause = packets[51 + HANGOVER_FRAMES : 200]
    # noise that rises by chance is taken for speech once in a while, at 8 kHz, with 160 samples
    # a hop, more often
    assert len(pause) // UPDATE_FRAMES <= sum(map(bool, pause)) < len(pause) / 2


@pytest.mark.parametrize("kind", ["toy", "early"])
@pytest.mark.parametrize("sample_rate", [11_025, 16_000])
def test_what_is_sent_does_not_hang_on_the_pieces(
    kind: str, sample_rate: int, request: pytest.FixtureRequest
) -> None:
    toy, wave = request.getfixturevalue(kind), talk(sample_rate)
    whole = sent(toy, wave, sample_rate, piece=16_000)
    assert whole == sent(toy, wave, sample_rate, piece=77)


def test_packets_without_a_pause_are_those_without_the_option(toy: Codec) -> None:
    wave = talk(16_000)[:16_000]
    encoder = toy.encoder(16_000, num_stages=4)
    assert sent(toy, wave, 16_000) == encoder.push(wave) + encoder.finish()


@pytest.mark.parametrize("copies", [Redundancy(), Redundancy(1, 2)])
def test_a_pause_sounds_like_its_background(toy: Codec, copies: Redundancy) -> None:
    wave = talk(16_000)
    encoder = toy.encoder(16_000, num_stages=4, redundancy=copies, dtx=True)
    decoder = toy.decoder(16_000, redundancy=copies)
    packets = encoder.push(wave) + encoder.finish()
    assert packets.count(b"") > 100
    found = np.concatenate([*(decoder.push(packet) for packet in packets), decoder.finish()])
    assert len(found) == len(wave)
    assert (decoder.num_concealed, decoder.num_refused) == (0, 0)


def test_the_background_is_drawn_from_frames_that_came() -> None:
    noise = ComfortNoise(np.zeros(1, np.float32))
    assert noise.next().tolist() == [0.0]
    for level in range(40):
        noise.received(np.full(1, level, np.float32))
    noise.received(None)
    drawn = {float(noise.next()[0]) for _ in range(500)}
    assert drawn == {float(level) for level in range(41 - HANGOVER_FRAMES, 40)}


def test_digital_silence_is_no_speech() -> None:
    detector = SpeechDetector(16_000, ModelConfig())
    detector.push(np.zeros(16_000, np.float32))
    assert [detector.speaks(frame) for frame in range(50)] == [True] * 26 + [False] * 24
    assert detector.speaks(50)  # its hops are not there yet
