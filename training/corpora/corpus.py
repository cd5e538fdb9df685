"""Recordings to train on, held in memory as 16-bit samples.

A folder is read as `CORPUS/SPEAKER/…/CLIP`; a clip right under a corpus is its own speaker, and a
clip right under the folder belongs to a corpus named after the folder. Batches are drawn corpus
first, then speaker, then clip and place: hours are not diversity.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from codec.audio import read_audio, to_pcm16
from codec.errors import AudioError, TrainingError
from codec.folders import files_below
from codec.formats import ALL, COMMON, suffix_of
from codec.resampling import resample

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
    """One line for each file or folder that couldn't be read."""

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

    def note(below: Path, reason: str) -> None:
        refused.append(f"{below}: {reason}")

    found = files_below(folder, note)
    for path in sorted(p for p in found if suffix_of(p) in ALL and p.is_file()):
        try:
            clip = read_clip(path, sample_rate)
        except AudioError as error:
            refused.append(str(error))
            continue
        corpus, speaker = _place(path.relative_to(folder), folder.name)
        members = groups.setdefault(corpus, {})
        members[speaker] = (*members.get(speaker, ()), len(clips))
        clips.append(clip)
    if not clips:
        raise TrainingError(f"{folder}: no usable recording ({COMMON}) found there")
    return Corpus(sample_rate, tuple(clips), groups, tuple(refused))


def join_corpora(corpora: Sequence[Corpus]) -> Corpus:
    """All clips of several; speakers of the same name in the same corpus are one."""
    clips: list[np.ndarray] = []
    groups: dict[str, dict[str, tuple[int, ...]]] = {}
    for corpus in corpora:
        for name, speakers in corpus.groups.items():
            members = groups.setdefault(name, {})
            for speaker, numbers in speakers.items():
                moved = (number + len(clips) for number in numbers)
                members[speaker] = (*members.get(speaker, ()), *moved)
        clips += corpus.clips
    refused = tuple(line for corpus in corpora for line in corpus.refused)
    return Corpus(corpora[0].sample_rate, tuple(clips), groups, refused)


def split_speakers(corpus: Corpus, share: float) -> tuple[Corpus, Corpus]:
    """Two corpora without a speaker in common, the same two on every machine.

    Names decide, whatever the corpus: LibriSpeech and LibriTTS have readers in common.

    Args:
        share: about how many of each corpus' speakers go to the second: one at least, unless there
            is but one.
    """
    groups: tuple[dict, dict] = ({}, {})
    for name, speakers in corpus.groups.items():
        ranked = sorted(speakers, key=_lot)
        below = sum(_lot(speaker) < share for speaker in ranked)
        number = min(len(ranked) - 1, max(1, below))
        for group, chosen in zip(groups, (ranked[number:], ranked[:number]), strict=True):
            if chosen:
                group[name] = {speaker: speakers[speaker] for speaker in sorted(chosen)}
    first, second = (_only(corpus, group) for group in groups)
    return first, replace(second, refused=())


def _only(corpus: Corpus, groups: Mapping[str, Mapping[str, tuple[int, ...]]]) -> Corpus:
    """The clips of `groups` alone."""
    kept = [n for speakers in groups.values() for numbers in speakers.values() for n in numbers]
    places = {number: place for place, number in enumerate(kept)}
    moved = {
        name: {who: tuple(places[n] for n in numbers) for who, numbers in speakers.items()}
        for name, speakers in groups.items()
    }
    clips = tuple(corpus.clips[number] for number in kept)
    return replace(corpus, clips=clips, groups=moved)


def _lot(speaker: str) -> float:
    """A number in [0, 1) that only the name decides."""
    return int.from_bytes(hashlib.sha256(speaker.encode()).digest()[:6], "big") / 2**48


def read_clip(path: Path, sample_rate: int) -> np.ndarray:
    """A recording, mixed down and resampled.

    Shape: -> int16 [T].

    Raises:
        AudioError: it can't be read, or is too short to train on.
    """
    wave, rate = read_audio(path)
    mono = resample(wave.mean(0, keepdims=True), rate, sample_rate)[0]
    if len(mono) < _SHORTEST_S * sample_rate:
        raise AudioError(f"{path}: shorter than {_SHORTEST_S} s")
    return to_pcm16(mono)


def _place(path: Path, default: str) -> tuple[str, str]:
    """The corpus and the speaker of a clip, by its folders."""
    folders = path.parts[:-1]
    corpus = folders[0] if folders else default
    return corpus, folders[1] if len(folders) > 1 else path.stem
