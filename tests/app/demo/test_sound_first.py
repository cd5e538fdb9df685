"""The first useful sound: soon, and before anything that is only to be looked at."""

import time
from pathlib import Path

import numpy as np
import pytest

from app.demo.examples import EXAMPLES
from app.demo.scorers import Scorers
from app.demo.settings import DemoSettings
from app.demo.shelf import Shelf
from app.demo.studio import Studio
from codec import Codec
from codec.audio import read_audio, write_audio

pytest.importorskip("gradio", reason="Gradio is not installed")
from app.demo.page import listening

BUDGET_S = 3.0


@pytest.fixture
def ten_seconds(tmp_path: Path) -> Path:
    wave, sample_rate = read_audio(EXAMPLES[0].path)
    path = tmp_path / "ten.wav"
    write_audio(path, np.tile(wave, (1, 2))[:, : 10 * sample_rate], sample_rate)
    return path


def test_sound_of_ten_seconds_waits_for_nothing_else(
    ten_seconds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the shipped weights, in processor time, so that a busy machine doesn't matter."""

    def too_early(*words: object) -> None:
        pytest.fail("the sound has to wait for this")

    shelf = Shelf(keep_s=3600)
    studio = Studio(Codec.load(), shelf, DemoSettings())
    room = listening.Listening(studio)
    try:
        turn = listening.Turn()
        list(room.open_example(0, turn, 6.0))  # as the demo does before it announces itself
        monkeypatch.setattr(Scorers, "score", too_early)
        monkeypatch.setattr(listening, "spectrograms", too_early)
        started = time.process_time()
        *_, shown = room.open_upload(turn, str(ten_seconds), 6.0)
        spent_s = time.process_time() - started
        assert turn.shown is not None
        (_, take), player = turn.shown, shown[2]
        assert [read_audio(t["file"]["path"])[0].shape[1] for t in player["tracks"]] == [
            160_000
        ] * 2
    finally:
        studio.close()
        shelf.close()
    print(
        f"10 s: {spent_s:.2f} s of processor time to the sound; by the clock, encoding "
        f"{take.encode_s:.2f} s, decoding {take.decode_s:.2f} s"
    )
    assert spent_s < BUDGET_S
