"""The same clip through Opus, where `opusenc` and `opusdec` are installed."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from app.demo.waves import fitted, new_wave, wave_blocks
from codec.audio import audio_info
from codec.errors import AudioError

LOWEST_KBPS = 6.0
"""Opus goes no lower."""
TIMEOUT_S = 120.0


def opus_installed() -> bool:
    """Whether both programs are on the path."""
    return bool(shutil.which("opusenc") and shutil.which("opusdec"))


def through_opus(source: Path, bitrate_kbps: float, target: Path) -> int:
    """`source` (WAV) encoded by opusenc near `bitrate_kbps` and decoded at its own rate.

    `target` gets as many samples as the source has. Returns the bytes of the Ogg file.

    Raises:
        AudioError: a program fails or takes too long.
    """
    info = audio_info(source)
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
                str(info.sample_rate),
                "--no-dither",
                str(code),
                str(decoded),
            ]
        )
        with new_wave(target, info.sample_rate, info.channels) as file:
            for block in fitted(wave_blocks(decoded), info.num_samples):
                file.write(block)
        return code.stat().st_size


def _run(command: list[str]) -> None:
    try:
        subprocess.run(
            command, check=True, capture_output=True, timeout=TIMEOUT_S, stdin=subprocess.DEVNULL
        )
    except (subprocess.SubprocessError, OSError) as error:
        raise AudioError(
            f"{command[0]} could not handle this clip; see whether it plays elsewhere."
        ) from error
