"""What the Listen tab's events give, step by step, without a server."""

from pathlib import Path

import numpy as np
import pytest

from app.demo.examples import EXAMPLES
from app.demo.settings import DemoSettings
from app.demo.studio import Studio
from codec.audio import write_audio

pytest.importorskip("gradio", reason="Gradio is not installed")
from app.demo.page.listening import Listening


@pytest.fixture
def long_clip(tmp_path: Path) -> Path:
    path = tmp_path / "long.wav"
    noise = 0.1 * np.random.default_rng(5).standard_normal((1, 95 * 16_000))
    write_audio(path, noise.astype(np.float32), 16_000)
    return path


def test_long_audio_shows_progress_and_can_be_cancelled(studio: Studio, long_clip: Path) -> None:
    patient = Studio(studio.codec, studio.shelf, DemoSettings(max_minutes=3))
    steps = Listening(patient).open_upload(str(long_clip), 1.8)
    first = next(steps)
    assert "Encoding" in first[0]
    assert "%" in first[0]
    steps.close()  # what Gradio does when the visitor cancels
    *told, last = list(Listening(patient).open_upload(str(long_clip), 1.8))
    assert any("Decoding" in shown[0] for shown in told)
    assert "long.wav" in last[0]
    assert [track["name"] for track in last[3]["tracks"]] == ["Original", "Decoded"]


def test_scores_and_pictures_follow_the_sound(studio: Studio) -> None:
    listening = Listening(studio)
    *_, shown = list(listening.open_example(3, studio.rates_kbps[0]))
    clip, take = shown[1], shown[2]
    assert "being measured" in shown[4]
    looks = list(listening.look(clip, take))
    assert looks[0][1].count("<svg") == 3
    assert "being measured" not in looks[1][0]
    curves = list(listening.compare_stages(clip, take))
    assert curves[-1].count("<circle") == len(studio.sampled_stages())
    *_, lower = list(listening.change_rate(clip, studio.rates_kbps[-1]))
    assert lower[2].num_stages == studio.codec.config.num_stages


def test_nothing_chosen_changes_nothing(studio: Studio) -> None:
    listening = Listening(studio)
    assert list(listening.open_upload(None, 1.8)) == []
    assert list(listening.change_rate(None, 1.8)) == []
    assert list(listening.look(None, None)) == []


def test_a_damaged_upload_clears_the_page(studio: Studio, tmp_path: Path) -> None:
    path = tmp_path / "cut.flac"
    path.write_bytes(EXAMPLES[0].path.read_bytes()[:3000])
    (shown,) = list(Listening(studio).open_upload(str(path), 1.8))
    assert 'role="alert"' in shown[0]
    assert "cut.flac" in shown[0]
    assert shown[1] is None
    assert shown[3]["tracks"] == []
