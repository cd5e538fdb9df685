"""The waves of a listening page: clips by row, systems by column, all of one length and in time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from codec.errors import EvaluationError
from training.evaluation.clips import SAMPLE_RATE, Clip, read_reference
from training.evaluation.jobs.job import Job, code_clip
from training.evaluation.metrics.alignment import find_lag
from training.evaluation.systems.folders import DecodedFolder
from training.evaluation.systems.system import CheckpointSystem, read_16bit


@dataclass(frozen=True)
class Column:
    """One codec at one bitrate."""

    name: str
    kbps: float
    coder: CheckpointSystem | dict[str, Path]
    """A checkpoint to run, or decoded files by the clip's name."""

    def wave(self, clip: Clip, reference: np.ndarray) -> np.ndarray | None:
        """The decoded clip, in time with `reference`; None if it was not decoded. [T] -> [T]."""
        if isinstance(self.coder, dict):
            if clip.name not in self.coder:
                return None
            return in_time(reference, read_16bit(self.coder[clip.name]))
        return in_time(reference, code_clip(Job(self.coder, self.kbps, clip, ()), reference).wave)


def columns(
    ours: Sequence[CheckpointSystem], decoded: Sequence[DecodedFolder], clips: Sequence[Clip]
) -> list[Column]:
    """Every system at each of its bitrates, ours first.

    Raises:
        EvaluationError: two columns have one name and bitrate, or a folder has none of the clips.
    """
    found = [Column(system.name, kbps, system) for system in ours for kbps in system.rates_kbps]
    found += [Column(folder.name, folder.kbps, folder.find(clips)) for folder in decoded]
    labels = [(column.name, column.kbps) for column in found]
    if twice := next((label for label in labels if labels.count(label) > 1), None):
        raise EvaluationError(f"{twice[0]} {twice[1]:g} would be two columns; name one otherwise")
    return found


def rows(
    clips: Sequence[Clip], found: Sequence[Column], longest_s: float
) -> Iterator[tuple[Clip, list[np.ndarray | None]]]:
    """Each clip's first `longest_s` seconds: the original, then every column. [T] int16 each."""
    span = slice(round(longest_s * SAMPLE_RATE))
    for clip in clips:
        reference = read_reference(clip)
        waves = [reference, *(column.wave(clip, reference) for column in found)]
        yield clip, [None if wave is None else wave[span] for wave in waves]


def in_time(reference: np.ndarray, decoded: np.ndarray) -> np.ndarray:
    """`decoded` without its lag, cut or padded with silence to the reference's length."""
    lag = find_lag(reference, decoded, SAMPLE_RATE) if len(decoded) else 0
    moved = np.pad(decoded, (max(-lag, 0), 0))[max(lag, 0) :][: len(reference)]
    return np.pad(moved, (0, len(reference) - len(moved)))
