"""One clip in many versions: the original, any rate of ours, Opus."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from app.demo.opus import through_opus
from app.demo.studio import Clip, Studio, finish
from codec.errors import EvaluationError

ORIGINAL = "Original"
OPUS = "Opus {:g} kbps"


@dataclass
class Version:
    """What can be played and scored."""

    name: str
    path: Path
    num_bytes: int
    seconds: float
    scores: dict[str, float] = field(default_factory=dict)
    failure: str = ""

    @property
    def kbps(self) -> float:
        """Bitrate on disk, header and container included."""
        return 8 * self.num_bytes / self.seconds / 1000

    def measure(self, studio: Studio, clip: Clip) -> None:
        """Fill in `scores`, or say why there are none."""
        try:
            self.scores = studio.score_wave(clip, studio.heard_file(self.path))
        except EvaluationError as error:
            self.failure = str(error)

    def score_words(self) -> tuple[str, str]:
        """PESQ-WB and STOI as shown; "…" while they are being measured."""
        if self.name == ORIGINAL:
            return ("reference",) * 2
        if not self.scores:
            return ("none" if self.failure else "…",) * 2
        return f"{self.scores['pesq_wb']:.2f}", f"{self.scores['stoi']:.3f}"


def version_names(studio: Studio, has_opus: bool) -> list[str]:
    """Everything a clip can be compared with."""
    names = [ORIGINAL, *(f"{rate:g} kbps" for rate in studio.rates_kbps)]
    return names + [OPUS.format(kbps) for kbps in (6.0, 8.0, 12.0, 16.0)] if has_opus else names


def make_version(studio: Studio, clip: Clip, name: str, alias: str | None = None) -> Version:
    """The clip as `name`, in a file called after `alias` if the name must not be seen."""
    path = studio.shelf.place(f"{alias or name}.wav")
    if name == ORIGINAL:
        shutil.copyfile(clip.original, path)
        num_bytes = clip.pcm_bytes
    elif name.startswith("Opus"):
        num_bytes = through_opus(clip.original, _kbps(name), path)
    else:
        num_bytes = len(finish(studio.decoding(clip, _kbps(name), path)).data)
    return Version(name, path, num_bytes, clip.seconds)


def _kbps(name: str) -> float:
    return float(name.removeprefix("Opus ").removesuffix(" kbps"))
