"""Recordings to train on, held in memory as 16-bit samples.

A folder is read as `CORPUS/SPEAKER/…/CLIP`; a clip right under a corpus is its own speaker, and a
clip right under the folder belongs to a corpus named after the folder. Batches are drawn corpus
first, then speaker, then clip and place: hours are not diversity.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from codec.audio import read_audio
from codec.errors import AudioError, TrainingError
from codec.resampling import resample

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")
_SHORTEST_S = 0.3


@dataclass(frozen=True)
class Corpus:
    """Clips of one sample rate with who speaks them."""

    sample_rate: int
    clips: tuple[np.ndarray, ...]
    """int16 [T] each."""
    groups: Mapping[str, Mapping[str, tuple[int, ...]]]
    """corpus -> speaker -> clip numbers."""
    refused: tuple[str, ...] = ()
    """One line for each file that couldn't be read."""

    @property
    def seconds(self) -> float:
        """All clips together."""
        return sum(len(clip) for clip in self.clips) / self.sample_rate


def load_corpus(folder: Path, sample_rate: int) -> Corpus:
    """Every recording under `folder`, mixed down and resampled to `sample_rate`.

    Raises:
        TrainingError: no usable recording there.
    """
    clips: list[np.ndarray] = []
    groups: dict[str, dict[str, tuple[int, ...]]] = {}
    refused: list[str] = []
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES):
        try:
            clip = _read_mono(path, sample_rate)
        except AudioError as error:
            refused.append(str(error))
            continue
        if len(clip) < _SHORTEST_S * sample_rate:
            refused.append(f"{path}: shorter than {_SHORTEST_S} s")
            continue
        corpus, speaker = _place(path.relative_to(folder), folder.name)
        members = groups.setdefault(corpus, {})
        members[speaker] = (*members.get(speaker, ()), len(clips))
        clips.append(clip)
    if not clips:
        raise TrainingError(f"{folder}: no usable recording ({', '.join(SUFFIXES)}) found there")
    return Corpus(sample_rate, tuple(clips), groups, tuple(refused))


def _read_mono(path: Path, sample_rate: int) -> np.ndarray:
    wave, rate = read_audio(path)
    mono = resample(wave.mean(0, keepdims=True), rate, sample_rate)[0]
    return np.round(np.clip(mono, -1.0, 1.0) * 32767).astype(np.int16)


def _place(path: Path, default: str) -> tuple[str, str]:
    """The corpus and the speaker of a clip, by its folders."""
    folders = path.parts[:-1]
    corpus = folders[0] if folders else default
    return corpus, folders[1] if len(folders) > 1 else path.stem
