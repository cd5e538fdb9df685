"""Calls: what is heard is what the packets give, sounds come first, and what can't be is said."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from app.demo.conversation import (
    CALL_S,
    Call,
    Heard,
    call_opus,
    calling,
    copies_on_offer,
    opus_missing,
    sent_wave,
)
from app.demo.examples import EXAMPLES
from app.demo.scorers import Scorers
from app.demo.settings import DemoSettings
from app.demo.studio import Clip, Studio, finish
from codec.audio import audio_info, read_audio, write_audio
from codec.errors import AudioError, ConfigError
from codec.live import NONE, Redundancy
from training.evaluation.metrics.metric import Metric
from training.evaluation.systems import libopus
from training.evaluation.systems.lossy import OPUS_DELAY_MS, Channel, OpusSystem

needs_opus = pytest.mark.skipif(bool(libopus.missing()), reason="libopus is not installed")


@pytest.fixture
def sent(studio: Studio, clip: Clip) -> np.ndarray:
    return sent_wave(studio, clip.original)


@pytest.fixture
def place(studio: Studio) -> Path:
    return studio.shelf.place("call.wav")


def call_ours(studio: Studio, sent: np.ndarray, call: Call) -> Heard:
    return finish(calling(studio, sent, call, studio.shelf.place("call.wav")))


@pytest.mark.parametrize("copies", [NONE, Redundancy(2, 3)], ids=str)
def test_what_is_heard_is_what_the_packets_give(
    studio: Studio, sent: np.ndarray, copies: Redundancy
) -> None:
    call = Call(1.2, 20.0, 3.0, copies)
    heard = call_ours(studio, sent, call)
    encoder = studio.codec.encoder(16_000, 1.2, redundancy=copies)
    packets = encoder.push(sent / np.float32(32_768)) + encoder.finish()
    lost = Channel(0.2, 3.0).lost(sent, len(packets))
    decoder = studio.codec.decoder(16_000, redundancy=copies)
    parts = [decoder.push(None if no else p) for p, no in zip(packets, lost, strict=True)]
    expected = np.concatenate([*parts, decoder.finish()])[: len(sent)]
    wave, sample_rate = read_audio(heard.path)
    assert (wave.shape, sample_rate) == ((1, len(sent)), 16_000)
    np.testing.assert_allclose(wave[0], expected, atol=1 / 32_000)
    np.testing.assert_array_equal(heard.lost, lost)
    assert 0 < heard.num_lost == int(lost.sum())
    assert heard.kbps == pytest.approx(8 * sum(map(len, packets)) / len(sent) * 16)
    assert heard.num_repaired == decoder.num_repaired
    assert (heard.num_repaired == 0) == (copies == NONE)
    assert heard.copies_kbps == pytest.approx(0.3 * copies.num_stages)
    assert heard.delay_ms == studio.codec.config.delay_ms + 20.0 * copies.distance


def test_nothing_lost_is_offline(studio: Studio, sent: np.ndarray) -> None:
    heard = call_ours(studio, sent, Call(1.8, 0.0))
    codes = studio.codec.encode(sent / np.float32(32_768), 16_000, 1.8)
    offline = np.asarray(studio.codec.decode(codes))[0, : len(sent)].clip(-1, 1)
    assert heard.num_lost == 0
    # a code or two may fall otherwise in blocks of other lengths
    assert np.corrcoef(read_audio(heard.path)[0][0], offline)[0, 1] > 0.99


@needs_opus
def test_opus_is_that_of_the_harness_under_the_same_losses(
    studio: Studio, sent: np.ndarray, place: Path
) -> None:
    call = Call(1.2, 20.0)
    heard = call_opus(sent, call, 9.0, place)
    found = OpusSystem((9.0,), Channel(0.2)).code(sent, 9.0, place.parent)
    wave, _ = read_audio(heard.path)
    np.testing.assert_array_equal(np.rint(wave[0] * 32_768), found.wave)
    assert heard.kbps == pytest.approx(8 * found.file_bytes / len(sent) * 16)
    ours = call_ours(studio, sent, call)
    shared = min(len(ours.lost), len(heard.lost))
    np.testing.assert_array_equal(ours.lost[:shared], heard.lost[:shared])
    assert (heard.name, heard.delay_ms, heard.num_repaired) == ("Opus 9 kbps", OPUS_DELAY_MS, None)
    assert call_opus(sent[:4_000], call, 1.2, place).name == "Opus 6 kbps"  # it goes no lower


def test_channels_become_one_and_a_long_clip_its_start(
    studio: Studio, recording: Path, tmp_path: Path
) -> None:
    both, _ = read_audio(recording)
    assert len(sent_wave(studio, recording)) == round(both.shape[1] * 16_000 / 44_100)
    path = tmp_path / "long.wav"
    write_audio(path, np.full((1, int(16_000 * CALL_S) + 20_000), 0.1, np.float32), 16_000)
    assert len(sent_wave(studio, path)) == 16_000 * CALL_S
    write_audio(path, np.full((1, 1), 0.1, np.float32), 48_000)
    with pytest.raises(AudioError, match="no sound"):
        sent_wave(studio, path)


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: Call(1.2, -1.0), "0 to 30"),
        (lambda: Call(1.2, 31.0), "0 to 30"),
        (lambda: Call(1.2, float("nan")), "0 to 30"),
        (lambda: Call(1.2, 10.0, 0.5), "1 to 10"),
        (lambda: Call(1.2, 10.0, float("inf")), "1 to 10"),
        (lambda: Redundancy.parse("2"), "STAGES:PACKETS"),
        (lambda: Redundancy.parse("2:-3"), "STAGES:PACKETS"),
        (lambda: Redundancy.parse("9" * 5_000 + ":1"), "STAGES:PACKETS"),
        (lambda: Redundancy.parse("2:0"), "at least 1 packet"),
        (lambda: Redundancy.parse("2:999"), "at most 50"),
    ],
)
def test_what_no_line_does_is_refused(make: Callable[[], object], word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        make()


@pytest.mark.parametrize(
    ("kbps", "copies", "word"), [(0.1, NONE, "lowest"), (0.9, Redundancy(2, 3), "no room")]
)
def test_a_rate_that_is_too_low_is_refused_and_leaves_nothing(
    studio: Studio, sent: np.ndarray, place: Path, kbps: float, copies: Redundancy, word: str
) -> None:
    with pytest.raises(ConfigError, match=word):
        finish(calling(studio, sent, Call(kbps, redundancy=copies), place))
    assert not place.exists()


def test_a_cancelled_call_leaves_nothing(studio: Studio, sent: np.ndarray, place: Path) -> None:
    steps = calling(studio, sent, Call(1.2), place)
    assert 0.0 < next(steps) < 1.0
    assert place.exists()
    steps.close()  # what Gradio does when the visitor cancels
    assert not place.exists()


def test_only_copies_that_fit_are_offered(studio: Studio) -> None:
    assert [str(c.num_stages) for c in copies_on_offer(studio)] == ["0", "1", "2", "2"]


class TestPage:
    """What the tab shows, step by step, without a server."""

    @pytest.fixture(autouse=True)
    def _gradio(self) -> None:
        pytest.importorskip("gradio", reason="Gradio is not installed")

    @staticmethod
    def steps(studio: Studio, clip: Clip | None, *settings: object) -> list[tuple]:
        from app.demo.page.call import both_ends

        return list(both_ends(studio, clip, settings or (1.8, 20.0, 2.0, Redundancy(2, 3))))

    def test_sounds_wait_for_no_score(
        self, studio: Studio, clip: Clip, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from app.demo.page.call import both_ends

        asked: list[tuple[str, ...]] = []

        def score(_: Scorers, *arguments: object) -> dict[str, float]:
            asked.append(arguments[-1])  # type: ignore[arg-type]
            return {asked[-1][0]: 2.5}

        monkeypatch.setattr(Scorers, "score", score)
        monkeypatch.setattr(Metric, "missing", lambda _: "")
        steps = both_ends(studio, clip, (1.8, 20.0, 2.0, Redundancy(2, 3)))
        assert "Calling at 1.8 kbps" in next(steps)[0]
        shown = next(step for step in steps if "tracks" in step[1])
        assert asked == []
        num_ends = 1 if opus_missing(studio) else 2
        assert len(shown[1]["tracks"]) == 1 + num_ends
        assert shown[2].count("<svg") == 1
        assert shown[3].count("…") == 2 * num_ends
        *_, last = steps
        assert asked == [("pesq_wb",)] * num_ends + [("plcmos",)] * num_ends
        assert "…" not in last[3]
        assert last[3].count("2.50") == 2 * num_ends

    def test_without_opus_and_judges_it_says_so(
        self, studio: Studio, clip: Clip, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(libopus, "_find", lambda: None)
        monkeypatch.setattr(Metric, "missing", lambda _: "needs a package that is missing")
        assert "libopus not found" in opus_missing(studio)
        *_, last = self.steps(studio, clip)
        assert "Opus" not in last[3]
        assert last[3].count("none") == 2
        assert "PLCMOS: needs a package that is missing" in last[3]

    def test_scores_are_those_of_the_harness(
        self, studio: Studio, clip: Clip, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from training.evaluation.metrics.registry import score

        monkeypatch.setattr(libopus, "_find", lambda: None)
        sent = sent_wave(studio, clip.original)
        heard = call_ours(studio, sent, Call(1.8))
        heard.measure(studio, sent, "pesq_wb")
        wave = np.rint(read_audio(heard.path)[0][0] * 32_768).astype(np.int16)
        assert heard.scores == pytest.approx(score(sent, wave, 16_000, ("pesq_wb",)), abs=1e-6)

    @pytest.mark.parametrize("what", ["no clip", "a swept clip", "no room", "out of range"])
    def test_what_can_not_be_called_is_one_alert(
        self, studio: Studio, clip: Clip, what: str
    ) -> None:
        settings: tuple[object, ...] = (1.8, 20.0, 2.0, NONE)
        if what == "a swept clip":
            clip.original.unlink()
        elif what == "no room":
            settings = (0.6, 20.0, 2.0, Redundancy(2, 3))
        elif what == "out of range":
            settings = (1.8, 200.0, 2.0, NONE)
        before = {path for path in studio.shelf.root.rglob("*") if path.is_file()}
        (shown,) = self.steps(studio, None if what == "no clip" else clip, *settings)
        assert 'role="alert"' in shown[0]
        assert str(studio.shelf.root) not in shown[0]
        assert shown[1]["tracks"] == []
        assert shown[2:] == ("", "")
        assert {path for path in studio.shelf.root.rglob("*") if path.is_file()} <= before


def test_the_first_example_can_be_called_with_the_shipped_weights() -> None:
    from app.demo.shelf import Shelf
    from codec import Codec

    shelf = Shelf(keep_s=3600)
    studio = Studio(Codec.load(), shelf, DemoSettings())
    try:
        sent = sent_wave(studio, EXAMPLES[3].path)[:32_000]
        lossy, mended = (call_ours(studio, sent, Call(6.0, 20.0, 2.0, c)) for c in (
            NONE, Redundancy(2, 3)))  # fmt: skip
        near = [np.corrcoef(sent, read_audio(end.path)[0][0])[0, 1] for end in (lossy, mended)]
        assert near[1] > near[0]
        assert mended.num_repaired
        assert audio_info(mended.path).num_samples == len(sent)
    finally:
        studio.close()
        shelf.close()
