"""Clips and what the codec makes of them: the computation behind every tab.

A `Clip` is coded once, at the highest rate. Residual codes nest, so every lower rate is a prefix of
that one file: moving the bitrate slider only trims and decodes.
"""

import threading
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TypeVar

import numpy as np

from app.demo.examples import EXAMPLES
from app.demo.scorers import Scorers
from app.demo.settings import DemoSettings
from app.demo.shelf import Shelf, safe_name
from codec import Codec
from codec.audio import BLOCK_SAMPLES, open_audio, read_audio, resample, write_audio
from codec.bitstream import FileReader, FileWriter, Header, trim_file
from codec.errors import AudioError, BitstreamError, CodecError
from codec.files import check_file

SCORED_S = 30.0
"""PESQ and STOI look at no more than this many seconds from a clip's start."""
MAX_CHANNELS = 8
Result = TypeVar("Result")
Steps = Generator[float, None, Result]
"""Long work in steps: each gives the share done, so it can be shown and cancelled in between."""


@dataclass
class Clip:
    """One recording, coded at the highest rate on offer."""

    name: str
    original: Path
    """The recording as 16-bit WAV at its own rate: what the page plays and scores against."""
    sample_rate: int
    num_samples: int
    num_channels: int
    data: bytes = b""
    """The .nsvq file at the highest rate."""
    encode_s: float = 0.0
    scores: dict[int, dict[str, float]] = field(default_factory=dict)
    """By number of stages, filled as they are computed."""

    @property
    def seconds(self) -> float:
        return self.num_samples / self.sample_rate

    @property
    def stem(self) -> str:
        return Path(self.name).stem

    @property
    def pcm_bytes(self) -> int:
        """Size of the same recording as 16-bit PCM."""
        return 2 * self.num_samples * self.num_channels


@dataclass
class Take:
    """A clip after the codec at one rate."""

    num_stages: int
    bitrate_kbps: float
    """Nominal, without the file's header."""
    data: bytes
    path: Path
    """The decoded wave as 16-bit WAV at the source's rate."""
    decode_s: float


class Studio:
    """One loaded codec and the files it works on; safe to use from several threads."""

    def __init__(self, codec: Codec, shelf: Shelf, settings: DemoSettings) -> None:
        self.codec = codec
        self.shelf = shelf
        self.settings = settings
        self.rates_kbps = tuple(codec.bitrates_kbps)
        self.scorers = Scorers(settings.concurrency)
        self._examples: dict[Path, Clip] = {}
        self._examples_lock = threading.Lock()

    def close(self) -> None:
        """End what runs beside this process."""
        self.scorers.close()

    def warm_up(self) -> None:
        """Code the first example and start the scorers, so that the first visitor doesn't wait."""
        self.scorers.warm_up()
        finish(self.opening_example(EXAMPLES[0].path))

    def check_length(self, seconds: float) -> None:
        """Refuse what this demo would take too long over.

        Raises:
            AudioError: longer than `max_minutes`, or no length at all.
        """
        if seconds <= 0.0:
            raise AudioError("There is no sound in this file.")
        if seconds > self.settings.max_seconds:
            raise AudioError(
                f"This recording lasts {seconds / 60:.1f} minutes; this page takes up to "
                f"{self.settings.max_minutes:g}. Cut it, or use `nsvq encode`, which takes any "
                "length."
            )

    def open_clip(self, path: str | Path, name: str | None = None) -> Clip:
        """Read and code the recording at `path`; errors as for `opening`."""
        return finish(self.opening(path, name))

    def opening(self, path: str | Path, name: str | None = None) -> Steps[Clip]:
        """`open_clip` in steps of about 30 s of audio, each giving the share done.

        Raises:
            AudioError: not audio, empty, damaged, too long or with too many channels.
        """
        with open_audio(path) as reader:
            info = reader.info
            self.check_length(info.seconds)
            if info.channels > MAX_CHANNELS:
                raise AudioError(
                    f"{info.channels} channels found; this page takes up to {MAX_CHANNELS}."
                )
            wave = np.concatenate(list(reader.blocks()), axis=1)
        name = safe_name(name or Path(path).name)
        original = self.shelf.place(f"{Path(name).stem}.wav")
        write_audio(original, wave, info.sample_rate)
        clip = Clip(name, original, info.sample_rate, wave.shape[1], wave.shape[0])
        for num_samples in self._compressing(clip, wave):
            yield min(1.0, num_samples / clip.num_samples)
        return clip

    def _compressing(self, clip: Clip, wave: np.ndarray) -> Iterator[int]:
        """Fill in the clip's file; gives the number of samples done."""
        started = time.perf_counter()
        file = BytesIO()
        header = self.codec.header(
            clip.sample_rate, clip.num_channels, self.codec.config.num_stages
        )
        writer = FileWriter(file, header)
        num_frames = 0
        for codes in self.codec.encode_blocks(_blocks(wave), header):
            writer.write(codes)
            num_frames += codes.shape[-1]
            yield int(num_frames / self.codec.config.frame_rate * clip.sample_rate)
        writer.finish(clip.num_samples)
        clip.data, clip.encode_s = file.getvalue(), time.perf_counter() - started

    def opening_example(self, path: Path) -> Steps[Clip]:
        """`opening` for a bundled clip, computed once for all visitors."""
        with self._examples_lock:
            clip = self._examples.get(path)
            if clip is None or not clip.original.exists():  # not yet made, or swept
                clip = self._examples[path] = self.open_clip(path)
            clip.original.touch()
        yield 1.0
        return clip

    def decode_clip(self, clip: Clip, bitrate_kbps: float) -> Take:
        """The clip as it sounds at `bitrate_kbps`."""
        return finish(self.decoding(clip, bitrate_kbps))

    def decoding(self, clip: Clip, bitrate_kbps: float) -> Steps[Take]:
        """`decode_clip` in steps of about 30 s of audio, each giving the share done."""
        config = self.codec.config
        stages = config.stages_for(bitrate_kbps)
        data = trim_file(clip.data, stages)
        started = time.perf_counter()
        blocks: list[np.ndarray] = []
        for block in self.codec.decompress_blocks(FileReader(BytesIO(data)), stages):
            blocks.append(block)
            yield sum(b.shape[1] for b in blocks) / clip.num_samples
        wave = np.concatenate(blocks, axis=1)
        decode_s = time.perf_counter() - started
        kbps = config.bitrate_kbps(stages)
        path = self.shelf.place(f"{clip.stem} {kbps:g} kbps.wav")
        write_audio(path, wave, clip.sample_rate)
        return Take(stages, kbps, data, path, decode_s)

    def reference(self, clip: Clip) -> np.ndarray:
        """The original as the network hears it: mono at its rate. Shape [T]."""
        wave, sample_rate = read_audio(clip.original)
        return self.as_heard(wave, sample_rate)

    def as_heard(self, wave: np.ndarray, sample_rate: int) -> np.ndarray:
        """Shape: wave [C, T] at `sample_rate` -> [T] at the model's rate."""
        return resample(
            wave.mean(axis=0, keepdims=True), sample_rate, self.codec.config.sample_rate
        )[0]

    def score_clip(
        self, clip: Clip, num_stages: int, wave: np.ndarray | None = None
    ) -> dict[str, float]:
        """PESQ-WB and STOI of the clip at `num_stages`, remembered in the clip.

        Args:
            wave: the decoded wave [C, T] where it is at hand; else it is decoded here.

        Raises:
            EvaluationError: no score exists (too short, silent).
        """
        if num_stages not in clip.scores:
            if wave is None:
                wave, _ = self.codec.decompress(trim_file(clip.data, num_stages))
            clip.scores[num_stages] = self.score_wave(clip, wave, clip.sample_rate)
        return clip.scores[num_stages]

    def score_wave(self, clip: Clip, wave: np.ndarray, sample_rate: int) -> dict[str, float]:
        """PESQ-WB and STOI of any version [C, T] of the clip, on its first `SCORED_S` seconds."""
        limit = int(SCORED_S * self.codec.config.sample_rate)
        reference = self.reference(clip)[:limit]
        decoded = self.as_heard(wave, sample_rate)[:limit]
        length = min(len(reference), len(decoded))
        return self.scorers.score(
            reference[:length], decoded[:length], self.codec.config.sample_rate
        )

    def sampled_stages(self, most: int = 8) -> list[int]:
        """Up to `most` numbers of stages from one to all: 1, 2, 3, 4, 6, 8, 12, 16 …"""
        last = self.codec.config.num_stages
        halves = sorted({2**n for n in range(12)} | {3 * 2**n for n in range(12)})
        points = [count for count in halves if count < last] + [last]
        picked = np.rint(np.linspace(0, len(points) - 1, min(most, len(points)))).astype(int)
        return [points[index] for index in picked]

    def read_code(self, path: str | Path) -> tuple[bytes, Header]:
        """The bytes and header of an uploaded .nsvq file.

        Raises:
            BitstreamError: not a sound file, or one that decodes to more than `max_minutes`.
        """
        header = check_file(Path(path)).header
        if header.num_channels > MAX_CHANNELS:
            raise BitstreamError(
                f"{header.num_channels} channels found; this page takes up to {MAX_CHANNELS}."
            )
        self.check_length(header.seconds)
        return Path(path).read_bytes(), header


def finish(steps: Steps[Result]) -> Result:
    """Run all steps; what they return."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def _blocks(wave: np.ndarray) -> Iterator[np.ndarray]:
    """Shape: wave [C, T] -> blocks [C, up to BLOCK_SAMPLES]."""
    for start in range(0, wave.shape[1], BLOCK_SAMPLES):
        yield wave[:, start : start + BLOCK_SAMPLES]


def plain_message(error: Exception) -> str:
    """What to tell a visitor: named errors speak for themselves, paths of this machine don't.

    >>> plain_message(AudioError("/tmp/x/up/a.wav: can't be read"))
    "a.wav: can't be read"
    """
    if not isinstance(error, CodecError):
        return "Something went wrong here; the operator's log has the details."
    words = [
        Path(word).name if word.startswith("/") and len(word) > 1 else word
        for word in str(error).split(" ")
    ]
    return " ".join(words)
