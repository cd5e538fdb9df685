"""Variable bitrate in conversations."""

import numpy as np
import pytest
import torch

from codec import Codec
from codec.backends.torch_backend import TorchBackend
from codec.backends.torch_model import CodecModel
from codec.config import ModelConfig
from codec.live import Redundancy
from codec.live.reservoir import BORROWED_S, SAVED_S, Reservoir


def speech(num_samples: int) -> np.ndarray:
    """Noise that is loud and soft in turn. Shape: -> [T]."""
    rng = np.random.default_rng(1)
    loud = np.arange(num_samples) // 6_000 % 2
    wave = rng.standard_normal(num_samples) * np.where(loud, 0.3, 0.003)
    return np.clip(wave, -1.0, 1.0).astype(np.float32)


def test_loud_frames_get_more_and_the_bitrate_is_kept(toy: Codec) -> None:
    wave = speech(16_000 * 12)
    encoder = toy.encoder(16_000, num_stages=2, vbr=True)
    packets = [*encoder.push(wave), *encoder.finish()]
    stages = np.array([encoder.format.num_stages_in(len(packet)) for packet in packets])
    loud = np.arange(len(stages)) * 320 // 6_000 % 2 == 1
    assert stages[loud].mean() > stages[~loud].mean() + 0.5
    assert abs(stages.mean() - 2.0) < 0.1


def test_the_decoder_needs_no_word_of_it(toy: Codec) -> None:
    wave = speech(32_000)
    encoder, decoder = toy.encoder(16_000, num_stages=2, vbr=True), toy.decoder(16_000)
    packets = [*encoder.push(wave), *encoder.finish()]
    heard = np.concatenate([*(decoder.push(packet) for packet in packets), decoder.finish()])
    assert decoder.num_refused == 0
    codes = [encoder.format.unpack(packet) for packet in packets]
    filled = np.full((1, 4, len(codes)), -1)
    for frame, code in enumerate(codes):
        filled[0, : len(code), frame] = code
    offline = Codec(toy.backend, toy.model_id).decode(filled)[0]
    np.testing.assert_allclose(heard, np.clip(offline, -1.0, 1.0), atol=1e-4)


def test_however_the_wave_is_cut_up_the_packets_are_the_same(toy: Codec) -> None:
    wave = speech(20_000)
    found = []
    for cuts in ([], [7, 1_000, 1_001, 15_000]):
        encoder = toy.encoder(16_000, num_stages=2, vbr=True)
        pieces = [packet for part in np.split(wave, cuts) for packet in encoder.push(part)]
        found.append([*pieces, *encoder.finish()])
    assert found[0] == found[1]


@pytest.mark.parametrize("effort", [1, 4])
def test_with_copies_pauses_and_effort(toy: Codec, effort: int) -> None:
    wave = np.concatenate([speech(30_000), np.zeros(30_000, np.float32), speech(10_000)])
    codec = Codec(toy.backend, toy.model_id, effort=effort)
    copies = Redundancy(num_stages=1, distance=2)
    encoder = codec.encoder(16_000, num_stages=3, redundancy=copies, dtx=True, vbr=True)
    decoder = codec.decoder(16_000, redundancy=copies)
    packets = [*encoder.push(wave), *encoder.finish()]
    assert any(not packet for packet in packets)
    sent = [packet for packet in packets if packet]
    lost = [None if number % 5 == 3 else packet for number, packet in enumerate(packets)]
    heard = np.concatenate([*(decoder.push(packet) for packet in lost), decoder.finish()])
    assert len(heard) >= len(wave)
    assert decoder.num_refused == 0
    assert decoder.num_repaired > 0
    assert {encoder.format.num_stages_in(len(packet)) for packet in sent} > {2}


def test_the_bitrate_may_change_in_mid_stream(toy: Codec) -> None:
    encoder = toy.encoder(16_000, num_stages=1, vbr=True)
    few = encoder.push(speech(16_000))
    encoder.num_stages = 3
    many = encoder.push(speech(48_000))
    assert sum(map(len, many)) / len(many) > 1.5 * sum(map(len, few)) / len(few)


def test_what_is_saved_and_borrowed_has_an_end() -> None:
    reservoir = Reservoir(frame_rate=50.0)
    soft, loud = 1e-6 * 0.5 ** np.arange(8.0), 0.9 ** np.arange(8.0)
    for _ in range(1_000):
        reservoir.spend(reservoir.stages(soft, 3), 3)
    burst = []
    for _ in range(500):
        burst.append(reservoir.stages(loud, 3))
        reservoir.spend(burst[-1], 3)
    ahead = np.cumsum(np.array(burst) - 3)
    assert max(burst) == 8
    assert ahead.max() <= 3 * 50.0 * (SAVED_S + BORROWED_S) + 3


@pytest.mark.parametrize("code_bits", [1, 2, 3, 5, 6, 10])
@pytest.mark.parametrize("copied", [0, 1])
def test_every_packet_tells_by_its_length_how_many_stages_it_has(
    code_bits: int, copied: int
) -> None:
    config = ModelConfig(
        trunk_width=8, latent_width=4, num_stages=16, codebook_size=max(2, 2**code_bits),
        encoder_lookahead=(0,), decoder_lookahead=(0,),
    )  # fmt: skip
    torch.manual_seed(0)
    codec = Codec(TorchBackend(CodecModel(config)), bytes(8))
    copies = Redundancy(copied, copied)
    encoder = codec.encoder(16_000, num_stages=4, redundancy=copies, vbr=True)
    packed: list[int] = []
    pack = encoder.format.pack
    object.__setattr__(
        encoder.format, "pack", lambda codes: packed.append(len(codes)) or pack(codes)
    )
    packets = [*encoder.push(speech(24_000)), *encoder.finish()]
    assert [encoder.format.num_stages_in(len(packet)) for packet in packets] == packed
