"""Codecs that lose packets: the same ones for all, and each heard through its own concealment."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from codec.errors import EvaluationError
from codec.live import Redundancy
from training.evaluation.clips import find_clips, read_reference
from training.evaluation.systems import libopus
from training.evaluation.systems.lossy import (
    Channel,
    OpusSystem,
    Packets,
    decode_opus,
    lossy_peers,
    lossy_systems,
)
from training.evaluation.systems.pauses import between_pauses, quietest
from training.evaluation.systems.system import checkpoint_system

DATA = Path(__file__).parents[3] / "data"

needs_opus = pytest.mark.skipif(bool(libopus.missing()), reason="libopus is not installed")


@pytest.fixture(scope="module")
def speech(clips: Path) -> np.ndarray:
    return read_reference(find_clips(clips[0])[0])[:32_000]


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a.astype(float), b.astype(float))[0, 1])


def test_a_trace_hangs_on_clip_share_and_seed_alone(speech: np.ndarray) -> None:
    channel = Channel(0.2)
    lost = channel.lost(speech, 300)
    assert (lost[:200] == Channel(0.2).lost(speech, 200)).all()
    assert (lost != dataclasses.replace(channel, seed=1).lost(speech, 300)).any()
    assert (lost != channel.lost(speech[1:], 300)).any()


def test_ours_with_copies_loses_less(speech: np.ndarray, tmp_path: Path) -> None:
    weights = [checkpoint_system("default", (6.0,))]
    copies = (Redundancy(), Redundancy(3, 3))
    systems = lossy_systems(weights, [Channel(0.0), Channel(0.3)], copies)
    assert [system.name for system in systems] == [
        "nsvq, 0 % lost", "nsvq, 30 % lost",
        "nsvq copies 3:3, 0 % lost", "nsvq copies 3:3, 30 % lost",
    ]  # fmt: skip
    decoded = [system.code(speech, 6.0, tmp_path) for system in systems]
    assert {len(found.wave) for found in decoded} == {len(speech)}
    assert {found.file_bytes for found in decoded} == {15.0 * 101}
    clean, lossy, copied, repaired = (correlation(speech, found.wave) for found in decoded)
    assert clean > copied > repaired > lossy
    assert len({system.identity() for system in systems}) == 4


def test_a_rate_without_room_for_copies_is_named(speech: np.ndarray) -> None:
    with pytest.raises(EvaluationError, match=r"nsvq copies 3:1, 10 % lost: packets of 2 stages"):
        lossy_systems([checkpoint_system("default", (1.0,))], [Channel(0.1)], [Redundancy(3, 1)])


@needs_opus
def test_opus_conceals_and_is_aligned(speech: np.ndarray, tmp_path: Path) -> None:
    clean, lossy = (OpusSystem((16.0,), Channel(share)) for share in (0.0, 0.3))
    first, second = (system.code(speech, 16.0, tmp_path) for system in (clean, lossy))
    assert len(first.wave) == len(second.wave) == len(speech)
    assert correlation(speech, first.wave) > 0.9 > correlation(speech, second.wave)
    assert 8.0 < first.file_bytes * 8 / 2_000 < 20.0
    assert "libopus" in clean.version()


@needs_opus
def test_opus_is_not_silent_where_a_packet_is_lost(speech: np.ndarray) -> None:
    encoder = libopus.OpusEncoder(16_000, 16.0, 0.0, fec=False)
    packets = [encoder.encode(frame) for frame in speech[:9_600].reshape(-1, 320)]
    lost = np.zeros(len(packets), bool)
    lost[20] = True
    whole, gap = decode_opus(packets, lost & False), decode_opus(packets, lost)
    assert (whole[: 20 * 320] == gap[: 20 * 320]).all()
    assert gap[20 * 320 : 21 * 320].any()
    assert (whole != gap).any()


@needs_opus
def test_libopus_says_what_it_refuses() -> None:
    with pytest.raises(EvaluationError, match="libopus: "):
        libopus.OpusDecoder(16_001)
    with pytest.raises(EvaluationError, match="libopus: "):
        libopus.OpusDecoder(16_000).decode(b"\xff" * 3)


def test_other_peers_can_not_lose_packets() -> None:
    with pytest.raises(EvaluationError, match="speex can't lose packets"):
        lossy_peers(["opus", "speex"], (), [Channel(0.1)])


def test_a_missing_library_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libopus, "_find", lambda: None)
    systems, notices = lossy_peers(["opus"], (), [Channel(0.1)])
    assert systems == []
    assert notices == ["opus skipped: libopus not found (Debian: apt install libopus0)"]


def test_pauses_have_the_background_of_the_clip(speech: np.ndarray) -> None:
    wave = speech / np.float32(32_768)
    longer = between_pauses(wave, 1.0, 16_000)
    assert len(longer) == len(wave) + 32_000
    np.testing.assert_array_equal(longer[16_000:-16_000], wave)
    quiet = np.std(quietest(wave, 3_200))
    for pause in (longer[:16_000], longer[-16_000:]):
        assert np.std(pause) == pytest.approx(quiet, rel=0.3)


def test_pauses_are_sent_and_not_scored(tmp_path: Path) -> None:
    speech = read_reference(find_clips(DATA)[1])[:32_000]
    weights = [checkpoint_system("default", (6.0,))]
    whole, dtx = (
        lossy_systems(weights, [Channel(0.0)], packets=Packets(dtx=dtx, pause_s=2.0))[0]
        for dtx in (False, True)
    )
    first, second = (system.code(speech, 6.0, tmp_path) for system in (whole, dtx))
    assert len(first.wave) == len(second.wave) == len(speech)
    assert first.file_bytes / 2 == pytest.approx(750.0, rel=0.02)
    assert second.file_bytes < 0.75 * first.file_bytes
    assert correlation(first.wave, second.wave) > 0.98


def test_packets_of_all_lengths_are_heard_as_well(tmp_path: Path) -> None:
    speech = read_reference(find_clips(DATA)[1])[:48_000]
    weights = [checkpoint_system("default", (3.0,))]
    systems = [
        lossy_systems(weights, [Channel(0.0)], packets=Packets(vbr=vbr))[0] for vbr in (False, True)
    ]
    assert [system.name for system in systems] == ["nsvq, 0 % lost", "nsvq vbr, 0 % lost"]
    assert len({system.identity() for system in systems}) == 2
    constant, variable = (system.code(speech, 3.0, tmp_path) for system in systems)
    assert variable.file_bytes == pytest.approx(constant.file_bytes, rel=0.15)
    assert correlation(constant.wave, variable.wave) > 0.9
