"""The bundled clips a visitor can start from."""

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "examples"


@dataclass(frozen=True)
class Example:
    """A recording that comes with the program."""

    title: str
    file: str
    credit: str

    @property
    def path(self) -> Path:
        return FOLDER / self.file


EXAMPLES = (
    Example(
        "Audiobook 1", "librispeech-1988.flac", "LibriSpeech dev-clean, reader 1988, CC BY 4.0"
    ),
    Example(
        "Audiobook 2", "librispeech-1701.flac", "LibriSpeech dev-clean, reader 1701, CC BY 4.0"
    ),
    Example("Studio", "vctk-p232.flac", "VCTK, speaker p232, CC BY 4.0"),
    Example("German", "kerstin.flac", "rhasspy dataset-voice-kerstin, CC0 1.0"),
)
