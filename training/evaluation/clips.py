"""The recordings of a run: found on disk, brought to what every codec is given."""

import functools
import hashlib
import random
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np

from codec.audio import audio_info, read_audio, resample, to_pcm16
from codec.errors import AudioError, EvaluationError
from codec.folders import files_below
from codec.formats import ALL, COMMON, suffix_of

SAMPLE_RATE = 16_000
"""Hz at which every codec is fed and every metric listens."""


@dataclass(frozen=True)
class Clip:
    """A recording under the data folder."""

    path: Path
    name: str
    """Path below the data folder; the same clip has the same name on every machine."""

    def content_hash(self) -> str:
        """Of the file's bytes: what its cached scores hang on."""
        return _hash_file(self.path)


def find_clips(
    data: Path,
    *,
    seconds: tuple[float, float] | None = None,
    limit: int | None = None,
    seed: int = 0,
) -> list[Clip]:
    """Every recording below `data`, in the order of its name.

    Args:
        data: a folder, or one recording.
        seconds: shortest and longest to take; a clip whose length can't be read is kept, so that
            the run lists it as a failure.
        limit: draw at most so many clips, with `seed`.

    Raises:
        EvaluationError: there is none, or a folder can't be read.
    """
    root = data if data.is_dir() else data.parent
    paths = sorted(files_below(data, refuse_folder)) if data.is_dir() else [data]
    clips = [
        Clip(path, path.relative_to(root).as_posix())
        for path in paths
        if suffix_of(path) in ALL and path.is_file()
    ]
    if seconds is not None:
        clips = [clip for clip in clips if _within(clip, *seconds)]
    if not clips:
        raise EvaluationError(f"{data}: no recordings to score (looked for {COMMON})")
    if limit is not None and limit < len(clips):
        clips = random.Random(seed).sample(clips, limit)
    return sorted(clips, key=lambda clip: clip.name)


def refuse_folder(folder: Path, reason: str) -> NoReturn:
    """A mean over a part of the clips would be another figure.

    Raises:
        EvaluationError: always.
    """
    raise EvaluationError(f"{folder}: {reason}")


def read_reference(clip: Clip) -> np.ndarray:
    """What all codecs are given: channels averaged, at `SAMPLE_RATE`, rounded to 16 bits.

    Shape: -> [T] int16.

    Raises:
        AudioError: it can't be read.
    """
    wave, sample_rate = read_audio(clip.path)
    return to_pcm16(resample(wave.mean(axis=0, keepdims=True), sample_rate, SAMPLE_RATE)[0])


@functools.cache
def _hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _within(clip: Clip, shortest: float, longest: float) -> bool:
    try:
        return shortest <= audio_info(clip.path).seconds <= longest
    except AudioError:
        return True
