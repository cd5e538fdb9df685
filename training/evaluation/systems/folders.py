"""Codecs that ran elsewhere: folders of decoded clips, scored like those that run here."""

import hashlib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from codec.errors import EvaluationError
from codec.folders import files_below
from codec.formats import ALL, suffix_of
from training.evaluation.clips import SAMPLE_RATE, Clip, refuse_folder
from training.evaluation.systems.system import Decoded, read_16bit


@dataclass(frozen=True)
class DecodedFolder:
    """What a codec made of some clips at one bitrate."""

    name: str
    kbps: float
    folder: Path

    def find(self, clips: Sequence[Clip]) -> dict[str, Path]:
        """The decoded file of each clip that has one, by the clip's name.

        A file belongs to the clip with the same path (whatever its suffix), or else to the only
        clip with the same file name.

        Raises:
            EvaluationError: two files belong to one clip, or none to any, or a folder can't be
                read.
        """
        by_path = {_bare(clip.name): clip.name for clip in clips}
        stems = [Path(clip.name).stem for clip in clips]
        by_stem = {Path(c.name).stem: c.name for c in clips if stems.count(Path(c.name).stem) == 1}
        found: dict[str, Path] = {}
        for path in sorted(files_below(self.folder, refuse_folder)):
            if suffix_of(path) not in ALL or not path.is_file():
                continue
            bare = _bare(path.relative_to(self.folder).as_posix())
            clip = by_path.get(bare) or by_stem.get(path.stem)
            if clip in found:
                raise EvaluationError(f"{found[clip]} and {path} are both decoded from {clip}")
            if clip is not None:
                found[clip] = path
        if not found:
            raise EvaluationError(f"{self.folder}: no file is named like one of the clips")
        return found


@dataclass(frozen=True)
class DecodedClip:
    """The one file that a codec made of one clip: a system that runs nothing."""

    name: str
    kbps: float
    path: Path

    @property
    def rates_kbps(self) -> tuple[float, ...]:
        """The one bitrate."""
        return (self.kbps,)

    def identity(self) -> str:
        """Hash of the file."""
        return f"decoded {hashlib.sha256(self.path.read_bytes()).hexdigest()}"

    def version(self) -> str:
        """Where the wave comes from."""
        return f"decoded elsewhere, read from {self.path.parent.name}"

    def code(self, reference: np.ndarray, kbps: float, folder: Path) -> Decoded:
        """The decoded file; its bytes are those that the bitrate makes of the clip's length."""
        num_bytes = 125.0 * self.kbps * len(reference) / SAMPLE_RATE
        wave = read_16bit(self.path)
        return Decoded(wave, num_bytes, num_bytes, math.nan, math.nan, math.nan)


def parse_decoded(text: str) -> DecodedFolder:
    """The folder that `NAME@KBPS=DIR` names.

    >>> parse_decoded("lyra@3.2=.")
    DecodedFolder(name='lyra', kbps=3.2, folder=PosixPath('.'))

    Raises:
        EvaluationError: not of that form, or there is no such folder.
    """
    match = re.fullmatch(r"\s*([\w.+ -]+?)@(\d+(?:\.\d+)?)=(.+)", text)
    if not match or not float(match[2]) > 0.0:
        raise EvaluationError(f"decoded clips {text!r} should read NAME@KBPS=DIR, as lyra@6=DIR")
    folder = Path(match[3])
    if not folder.is_dir():
        raise EvaluationError(f"{folder}: no such folder of decoded clips")
    return DecodedFolder(match[1], float(match[2]), folder)


def _bare(name: str) -> str:
    return name.rpartition(".")[0]
