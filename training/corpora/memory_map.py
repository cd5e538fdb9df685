"""A large corpus as one file of 16-bit samples, mapped into memory.

Decoding and resampling a hundred hours takes many minutes, and several processes would each hold
them. So that is done once; afterwards a run starts at once, and processes share the pages.

    samples-RATE.int16   all clips, one after the other
    samples-RATE.json    speaker and length of each clip, and what couldn't be read
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from codec.errors import AudioError, TrainingError
from training.corpora.corpus import Corpus, read_clip
from training.corpora.downloads import one_at_a_time
from training.progress import bar

Recordings = list[tuple[str, Path]]
"""Speaker and file of each."""


def load_packed(
    name: str, place: Path, recordings: Callable[[], Recordings], sample_rate: int
) -> Corpus:
    """The corpus `name` that lies in the folder `place`.

    Args:
        recordings: tells what to pack, if that wasn't done before.

    Raises:
        TrainingError: no usable recording there.
    """
    index = place / f"samples-{sample_rate}.json"
    if not index.exists():
        with one_at_a_time(place):
            if not index.exists():
                _pack(name, index, recordings(), sample_rate)
    packed = json.loads(index.read_text())
    samples = np.memmap(index.with_suffix(".int16"), np.int16, "r")
    ends = np.cumsum(packed["lengths"])
    clips = tuple(np.split(samples, ends[:-1]))
    members: dict[str, list[int]] = {}
    for number, speaker in enumerate(packed["speakers"]):
        members.setdefault(speaker, []).append(number)
    groups = {name: {speaker: tuple(numbers) for speaker, numbers in members.items()}}
    return Corpus(sample_rate, clips, groups, tuple(packed["refused"]))


def _pack(name: str, index: Path, recordings: Recordings, sample_rate: int) -> None:
    """Write the samples, then the index: that it is there means that all is."""
    packed: dict[str, list[Any]] = {"speakers": [], "lengths": [], "refused": []}
    with bar() as progress, index.with_suffix(".int16").open("wb") as file:
        for speaker, path in progress.track(recordings, description=f"{name}: to {sample_rate} Hz"):
            try:
                clip = read_clip(path, sample_rate)
            except AudioError as error:
                packed["refused"].append(str(error))
                continue
            file.write(clip.tobytes())
            packed["speakers"].append(speaker)
            packed["lengths"].append(len(clip))
    if not packed["lengths"]:
        raise TrainingError(f"{index.parent}: no usable recording found there")
    partial = index.with_suffix(".partial")
    partial.write_text(json.dumps(packed))
    partial.replace(index)
