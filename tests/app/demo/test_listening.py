"""What the Listen tab's events give, step by step, without a server."""

from pathlib import Path

import numpy as np
import pytest

from app.demo.examples import EXAMPLES
from app.demo.settings import DemoSettings
from app.demo.studio import Studio
from codec.audio import write_audio

pytest.importorskip("gradio", reason="Gradio is not installed")
import gradio as gr

from app.demo.page.listening import Listening, Turn


@pytest.fixture
def long_clip(tmp_path: Path) -> Path:
    path = tmp_path / "long.wav"
    noise = 0.1 * np.random.default_rng(5).standard_normal((1, 95 * 16_000))
    write_audio(path, noise.astype(np.float32), 16_000)
    return path


def test_long_audio_shows_progress_and_can_be_cancelled(studio: Studio, long_clip: Path) -> None:
    patient = Studio(studio.codec, studio.shelf, DemoSettings(max_minutes=3))
    steps = Listening(patient).open_upload(Turn(), str(long_clip), 1.8)
    first = next(steps)
    assert "Reading" in first[0]
    assert "%" in first[0]
    steps.close()  # what Gradio does when the visitor cancels
    *told, last = list(Listening(patient).open_upload(Turn(), str(long_clip), 1.8))
    assert any("Coding" in shown[0] for shown in told)
    assert "long.wav" in last[0]
    assert [track["name"] for track in last[2]["tracks"]] == ["Original", "Decoded"]


def test_scores_and_pictures_follow_the_sound(studio: Studio) -> None:
    listening, turn = Listening(studio), Turn()
    *_, shown = list(listening.open_example(3, turn, studio.rates_kbps[0]))
    assert "being measured" in shown[3]
    looks = list(listening.look(turn))
    assert looks[0][1].count("<svg") == 3
    assert "being measured" not in looks[1][0]
    curves = list(listening.compare_stages(turn))
    assert curves[-1].count("<circle") == len(studio.sampled_stages())
    *_, lower = list(listening.change_rate(turn, studio.rates_kbps[-1]))
    assert turn.shown is not None
    assert turn.shown[1].num_stages == studio.codec.config.num_stages
    assert lower[8:] == [gr.skip(), gr.skip()]  # pictures of the same clip stay meanwhile
    *_, other = list(listening.open_example(0, turn, studio.rates_kbps[0]))
    assert other[8:] == ["", ""]


def test_nothing_chosen_changes_nothing(studio: Studio) -> None:
    listening, turn = Listening(studio), Turn()
    assert list(listening.open_upload(turn, None, 1.8)) == []
    assert list(listening.change_rate(turn, 1.8)) == []
    assert list(listening.look(turn)) == []
    assert list(listening.compare_stages(turn)) == []


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    path = tmp_path / "cut.flac"
    path.write_bytes(EXAMPLES[0].path.read_bytes()[:3000])
    return path


def test_a_damaged_upload_clears_the_page(studio: Studio, damaged: Path) -> None:
    listening, turn = Listening(studio), Turn()
    list(listening.open_example(3, turn, 0.3))
    (shown,) = list(listening.open_upload(turn, str(damaged), 1.8))
    assert 'role="alert"' in shown[0]
    assert "cut.flac" in shown[0]
    assert shown[2]["tracks"] == []
    assert [shown[1], shown[3], *shown[8:]] == [None, "", "", ""]
    assert list(listening.change_rate(turn, 0.6)) == []


@pytest.mark.parametrize("what", ["a damaged upload", "another clip", "clear", "another rate"])
def test_late_scores_and_pictures_are_discarded(studio: Studio, damaged: Path, what: str) -> None:
    """The bug: a clip's scores still came in after it had been replaced or cleared."""
    listening, turn = Listening(studio), Turn()
    list(listening.open_example(3, turn, 0.3))
    looks, curve = listening.look(turn), listening.compare_stages(turn)
    next(looks)
    next(curve)
    if what == "a damaged upload":
        list(listening.open_upload(turn, str(damaged), 0.3))
    elif what == "another clip":
        list(listening.open_example(0, turn, 0.3))
    elif what == "clear":
        assert listening.clear(turn)[8:] == ["", ""]
    else:
        list(listening.change_rate(turn, 1.8))
    assert list(looks) == []
    assert list(curve) == []


def test_of_two_clips_the_later_one_is_played(studio: Studio, long_clip: Path) -> None:
    patient = Studio(studio.codec, studio.shelf, DemoSettings(max_minutes=3))
    listening, turn = Listening(patient), Turn()
    early = listening.open_upload(turn, str(long_clip), 0.3)
    next(early)
    *_, late = list(listening.open_example(3, turn, 0.3))
    assert list(early) == []
    assert turn.on_page is late[1]


def test_a_rate_chosen_meanwhile_is_that_of_the_new_clip(studio: Studio, long_clip: Path) -> None:
    patient = Studio(studio.codec, studio.shelf, DemoSettings(max_minutes=3))
    listening, turn = Listening(patient), Turn()
    list(listening.open_example(3, turn, 0.3))
    early = listening.open_upload(turn, str(long_clip), 0.3)
    next(early)
    assert list(listening.change_rate(turn, 1.8)) == []
    *_, shown = list(early)
    assert shown[1].name == "long.wav"
    assert turn.shown is not None
    assert turn.shown[1].num_stages == studio.codec.config.num_stages


def test_cancelling_goes_back_to_what_plays(studio: Studio, long_clip: Path) -> None:
    patient = Studio(studio.codec, studio.shelf, DemoSettings(max_minutes=3))
    listening, turn = Listening(patient), Turn()
    *_, playing = list(listening.open_example(3, turn, 0.3))
    early = listening.open_upload(turn, str(long_clip), 0.3)
    next(early)
    assert "Cancelled" in listening.cancel(turn)[0]
    assert list(early) == []
    *_, again = list(listening.change_rate(turn, 0.6))
    assert again[1] is playing[1]


def test_a_cleared_page_is_cleared_again_behind_the_queue(studio: Studio) -> None:
    """A sound that was on its way when the page was cleared is wiped; one asked for since stays."""
    listening, turn = Listening(studio), Turn()
    list(listening.open_example(3, turn, 0.3))
    listening.clear(turn)
    again = listening.stay_clear(turn)
    assert again[8:] == ["", ""]
    assert not any(button.interactive for button in again[4:6])
    *_, shown = list(listening.open_example(0, turn, 0.3))
    assert listening.stay_clear(turn) == [gr.skip()] * len(shown)
    assert turn.on_page is shown[1]
