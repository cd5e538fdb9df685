"""The same clip through Opus, where `opusenc` and `opusdec` are installed."""

from pathlib import Path

from app.demo.waves import fitted, new_wave, wave_blocks
from codec.audio import audio_info
from codec.errors import AudioError, EvaluationError
from codec.temporary import TemporaryFolder
from training.evaluation.systems.peers import PEERS
from training.evaluation.systems.programs import run_program

LOWEST_KBPS = 6.0
"""Opus goes no lower."""
TIMEOUT_S = 120.0
_DECODE = "opusdec --quiet --rate {rate} --no-dither {code} {out}"
"""As the table's command, at the clip's own rate."""


def opus_installed() -> bool:
    """Whether both programs are on the path."""
    return not PEERS["opus"].missing()


def through_opus(source: Path, bitrate_kbps: float, target: Path) -> int:
    """`source` (WAV) encoded by opusenc near `bitrate_kbps` and decoded at its own rate.

    `target` gets as many samples as the source has. Returns the bytes of the Ogg file.

    Raises:
        AudioError: a program fails or takes too long.
    """
    info, opus = audio_info(source), PEERS["opus"]
    with TemporaryFolder("opus") as folder:
        code, decoded = folder / "clip.opus", folder / "clip.wav"
        names = {"in": str(source), "code": str(code), "out": str(decoded)}
        names["rate"] = str(info.sample_rate)
        kbps = max(LOWEST_KBPS, bitrate_kbps)
        try:
            run_program(opus.command(opus.encode, kbps, names), code, TIMEOUT_S)
            run_program(opus.command(_DECODE, kbps, names), decoded, TIMEOUT_S)
        except (EvaluationError, OSError) as error:
            raise AudioError(
                "Opus could not handle this clip; see whether it plays elsewhere."
            ) from error
        with new_wave(target, info.sample_rate, info.channels) as file:
            for block in fitted(wave_blocks(decoded), info.num_samples):
                file.write(block)
        return code.stat().st_size
