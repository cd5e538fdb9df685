"""The same clip through Opus, where `opusenc` and `opusdec` are installed."""

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from codec.audio import read_audio
from codec.errors import AudioError

LOWEST_KBPS = 6.0
"""Opus goes no lower."""
TIMEOUT_S = 120.0


@dataclass
class OpusTake:
    """A clip after Opus."""

    wave: np.ndarray
    """Shape [C, T] at `sample_rate`, as long as the source."""
    sample_rate: int
    num_bytes: int
    """Ogg file on disk."""


def opus_installed() -> bool:
    """Whether both programs are on the path."""
    return bool(shutil.which("opusenc") and shutil.which("opusdec"))


def through_opus(source: Path, bitrate_kbps: float) -> OpusTake:
    """`source` (WAV) encoded by opusenc near `bitrate_kbps` and decoded at its own rate.

    Raises:
        AudioError: a program fails or takes too long.
    """
    wave, sample_rate = read_audio(source)
    with tempfile.TemporaryDirectory(prefix="nsvq-opus-") as folder:
        code, decoded = Path(folder, "clip.opus"), Path(folder, "clip.wav")
        rate = f"{max(LOWEST_KBPS, bitrate_kbps):g}"
        _run(
            [
                "opusenc",
                "--quiet",
                "--speech",
                "--vbr",
                "--comp",
                "10",
                "--bitrate",
                rate,
                str(source),
                str(code),
            ]
        )
        _run(
            [
                "opusdec",
                "--quiet",
                "--rate",
                str(sample_rate),
                "--no-dither",
                str(code),
                str(decoded),
            ]
        )
        output, found_rate = read_audio(decoded)
        num_bytes = code.stat().st_size
    missing = max(0, wave.shape[-1] - output.shape[-1])
    output = np.pad(output, ((0, 0), (0, missing)))[:, : wave.shape[-1]]
    return OpusTake(output, found_rate, num_bytes)


def _run(command: list[str]) -> None:
    try:
        subprocess.run(
            command, check=True, capture_output=True, timeout=TIMEOUT_S, stdin=subprocess.DEVNULL
        )
    except (subprocess.SubprocessError, OSError) as error:
        raise AudioError(
            f"{command[0]} could not handle this clip; see whether it plays elsewhere."
        ) from error
