"""A click comes out within the delay that is stated, and one packet."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from codec import Codec
from codec.backends.torch_checkpoint import save_checkpoint
from codec.backends.torch_model import CodecModel
from codec.config import ModelConfig
from tests.codec.conftest import EARLY

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


@pytest.mark.parametrize("kind", ["toy", "early"])
@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
def test_every_sample_comes_within_the_stated_delay(
    kind: str, rate: int, request: pytest.FixtureRequest
) -> None:
    toy = request.getfixturevalue(kind)
    wave = (0.1 * np.random.default_rng(0).standard_normal(rate)).astype(np.float32)
    _, times, stated = arrivals(toy, wave, rate)
    packet_ms = 1000.0 / toy.config.frame_rate
    late_ms = 1000.0 * (times - np.arange(len(times))) / rate
    assert late_ms.max() <= stated + packet_ms + STEP_MS
    assert late_ms.max() > stated - packet_ms  # no more is stated than there is


@pytest.mark.parametrize("place", range(8_000, 8_320, 64))
def test_a_click_comes_out_where_it_went_in(place: int) -> None:
    codec = Codec.load()
    off, late_ms, stated = click(codec, place)
    assert abs(off) < codec.config.refiner_hop  # 5 ms: it codes speech, and a click is none
    assert late_ms <= stated + 20.0 + STEP_MS


@pytest.mark.parametrize("place", [8_000, 8_001, 8_079, 8_080, 8_081, 8_200, 8_319])
def test_a_click_comes_out_within_40_ms(place: int, tmp_path: Path) -> None:
    """Frames of 20 ms known 5 ms after their hop, and a refiner's 15 ms."""
    path = tmp_path / "clicks.safetensors"
    save_checkpoint(path, clicks(replace(EARLY, latent_width=2 * 321), place))
    off, late_ms, stated = click(Codec.load(path), place)
    assert stated == Codec.load(path).config.delay_ms == 40.0
    assert off == 0
    assert late_ms <= 40.0 + STEP_MS


def click(codec: Codec, place: int) -> tuple[int, float, float]:
    """How many samples off a click comes out, how many ms after it went in, and what is stated."""
    heard, times, stated = arrivals(codec, _click(place), 16_000)
    found = int(np.abs(heard).argmax())
    late_ms = 1000.0 * (times[found] - place) / 16_000
    print(
        f"a click comes out {late_ms:.1f} ms later, {found - place} samples off; {stated:g} stated"
    )
    return found - place, late_ms, stated


def _click(place: int) -> np.ndarray:
    wave = np.zeros(16_000, np.float32)
    wave[place] = 0.9
    return wave


@torch.no_grad()
def clicks(config: ModelConfig, place: int) -> CodecModel:
    """A model whose latent is the spectrum, and whose codewords are those of a click at `place`."""
    torch.manual_seed(0)
    model = CodecModel(config)
    for part in (model.encoder.linear, model.decoder.linear):
        part.weight.copy_(torch.eye(config.latent_width))
    latent = model.analyse(torch.from_numpy(_click(place))[None, None])[0].T
    model.quantizer.codebooks.zero_()
    frames = latent.abs().amax(1).topk(3).indices
    model.quantizer.codebooks[0, :3] = latent[frames]
    return model
