"""`nsvq play`, with a sound device that only remembers."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.app.conftest import Nsvq


class PortAudioError(Exception):
    """As in sounddevice."""


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module like sounddevice; `played` are the blocks it got, `opened` how it was asked."""
    module: Any = ModuleType("sounddevice")
    module.played, module.opened, module.PortAudioError = [], [], PortAudioError

    class OutputStream:
        def __init__(self, samplerate: int, channels: int) -> None:
            if samplerate > 96_000:
                raise PortAudioError("Invalid sample rate")
            module.opened.append((samplerate, channels))

        def __enter__(self) -> "OutputStream":
            return self

        def __exit__(self, *error: object) -> None:
            """Nothing to close."""

        def write(self, block: np.ndarray) -> None:
            module.played.append(block)

    module.OutputStream = OutputStream
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    return module


def test_what_is_played_is_what_is_decoded(
    nsvq: Nsvq, device: Any, coded: Path, toy_checkpoint: Path
) -> None:
    options = ("--checkpoint", toy_checkpoint, "--bitrate", "0.6")
    result = nsvq("play", coded, coded, *options)
    assert result.exit_code == 0, result.stderr
    nsvq("decode", coded, *options)
    wave, rate = soundfile.read(coded.with_suffix(".wav"), dtype="float32", always_2d=True)
    played = np.concatenate(device.played)
    assert device.opened == [(rate, 1)] * 2
    assert played.dtype == np.float32
    np.testing.assert_allclose(played, np.concatenate([wave, wave]), atol=1 / 32_768)


def test_what_can_not_be_played_is_one_line(
    nsvq: Nsvq, device: Any, coded: Path, toy_checkpoint: Path, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "fast.wav", np.zeros(4_000), 192_000)
    options = ("--checkpoint", toy_checkpoint)
    nsvq("encode", tmp_path / "fast.wav", *options)
    (tmp_path / "cut.nsvq").write_bytes(coded.read_bytes()[:200])
    for name, says in {
        "fast.nsvq": "can't play 1 channels at 192000 Hz (Invalid sample rate)",
        "cut.nsvq": "cut.nsvq: truncated",
        "missing.nsvq": "missing.nsvq: can't be read",
    }.items():
        result = nsvq("play", tmp_path / name, *options)
        assert result.exit_code == 1
        (line,) = result.stderr.splitlines()
        assert says in line


def test_without_the_extra(nsvq: Nsvq, coded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    result = nsvq("play", coded)
    assert result.exit_code == 1
    assert "pip install 'nsvq-codec[play]'" in result.stderr
