"""Clips and what the codec makes of them: the computation behind every tab.

A `Clip` is coded anew at each rate that is asked for: which moments get how many stages depends on
the rate, so a file of a lower one is more than the start of a file of a higher one.
"""

import threading
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import TypeVar

import numpy as np

from app.demo.examples import EXAMPLES
from app.demo.limits import Limits
from app.demo.scorers import Scorers
from app.demo.settings import DemoSettings
from app.demo.shelf import Shelf, safe_name
from app.demo.waves import heard, new_wave, wave_blocks
from codec import Codec
from codec.audio import AudioReader, open_audio
from codec.bitstream import VARIABLE, FileReader, FileWriter, Header
from codec.errors import CodecError
from codec.files import check_file

CODING_SHARE = 0.4
"""Of the time that a take needs, about."""
SCORED_S = 30.0
"""PESQ and STOI look at no more than this many seconds from a clip's start."""
Result = TypeVar("Result")
Steps = Generator[float, None, Result]
"""Long work in steps: each gives the share done, so it can be shown and cancelled in between."""


@dataclass
class Clip:
    """One recording."""

    name: str
    original: Path
    """The recording as 16-bit WAV at its own rate: what the page plays and scores against."""
    sample_rate: int
    num_samples: int
    num_channels: int
    warnings: tuple[str, ...] = ()
    """What looks wrong with the recording but did not stop the reading."""
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
    """Nominal: the mean, without the file's header."""
    variable: bool
    """Whether the rate varies; not at the highest."""
    data: bytes
    path: Path
    """The decoded wave as 16-bit WAV at the source's rate."""
    encode_s: float
    decode_s: float


class Studio:
    """One loaded codec and the files it works on; safe to use from several threads."""

    def __init__(self, codec: Codec, shelf: Shelf, settings: DemoSettings) -> None:
        self.codec = codec
        self.shelf = shelf
        self.settings = settings
        self.rates_kbps = tuple(codec.bitrates_kbps)
        self.limits = Limits(settings.max_seconds, settings.max_values, codec.config.sample_rate)
        self.scorers = Scorers(settings.concurrency)
        self._examples: dict[Path, Clip] = {}
        self._examples_lock = threading.Lock()

    def close(self) -> None:
        """End what runs beside this process."""
        self.scorers.close()

    def warm_up(self) -> None:
        """Code the first example and start the scorers, so that the first visitor doesn't wait."""
        self.scorers.warm_up()
        self.decode_clip(finish(self.opening_example(EXAMPLES[0].path)), self.rates_kbps[0])

    @contextmanager
    def recording(self, path: str | Path) -> Iterator[tuple[AudioReader, Iterator[np.ndarray]]]:
        """An uploaded recording that keeps to the limits: its reader, and its blocks [C, T].

        Raises:
            AudioError: not audio, empty, too long or with too many channels; while the blocks are
                read, damaged or longer than the header said.
        """
        with open_audio(path, bound=self.limits.conversion) as reader:
            info = reader.info
            self.limits.check(info.sample_rate, info.channels, info.num_samples)
            yield reader, self.limits.watched(reader.blocks(), info.sample_rate)

    def open_clip(self, path: str | Path, name: str | None = None) -> Clip:
        """Read the recording at `path`; errors as for `opening`."""
        return finish(self.opening(path, name))

    def opening(self, path: str | Path, name: str | None = None) -> Steps[Clip]:
        """`open_clip` in steps, each giving the share done.

        Raises:
            AudioError: not audio, empty, damaged, too long or with too many channels.
        """
        name = safe_name(name or Path(path).name)
        original = self.shelf.place(f"{Path(name).stem}.wav")
        with (
            self.recording(path) as (reader, blocks),
            new_wave(original, reader.info.sample_rate, reader.info.channels) as copy,
        ):
            info = reader.info
            clip = Clip(name, original, info.sample_rate, info.num_samples, info.channels)
            for block in blocks:
                copy.write(block)
                yield min(1.0, copy.num_samples / max(1, clip.num_samples))
            clip.num_samples = copy.num_samples
            clip.warnings = tuple(map(without_paths, reader.warnings))
        return clip

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

    def decoding(self, clip: Clip, bitrate_kbps: float, path: Path | None = None) -> Steps[Take]:
        """`decode_clip` in steps, each giving the share done; into `path` if one is given."""
        config = self.codec.config
        stages = config.stages_for(bitrate_kbps)
        kbps = config.bitrate_kbps(stages)
        path = path or self.shelf.place(f"{clip.stem} {kbps:g} kbps.wav")
        started = time.perf_counter()
        data = yield from self._coding(clip, stages)
        coded = time.perf_counter()
        reader = FileReader(BytesIO(data))
        with new_wave(path, clip.sample_rate, clip.num_channels) as file:
            for block in self.codec.decompress_blocks(reader, stages):
                file.write(block)
                done = file.num_samples / clip.num_samples
                yield CODING_SHARE + (1.0 - CODING_SHARE) * done
        variable = reader.header.version == VARIABLE
        times = coded - started, time.perf_counter() - coded
        return Take(stages, kbps, variable, data, path, *times)

    def file_bytes(self, clip: Clip, num_stages: int) -> int:
        """Size of the clip's file with so many stages on average."""
        return len(finish(self._coding(clip, num_stages)))

    def _coding(self, clip: Clip, num_stages: int) -> Steps[bytes]:
        """The clip's file with so many stages on average, of what was kept as 16-bit WAV."""
        header, file = self._header(clip, num_stages), BytesIO()
        encoder, writer = self.codec.file_encoder(header), FileWriter(file, header)
        for block in wave_blocks(clip.original):
            writer.write(encoder.push(block))
            yield CODING_SHARE * min(1.0, encoder.num_samples / clip.num_samples)
        writer.write(encoder.finish())
        writer.finish(clip.num_samples)
        return file.getvalue()

    def _header(self, clip: Clip, num_stages: int) -> Header:
        header = self.codec.header(clip.sample_rate, clip.num_channels, num_stages, vbr=True)
        return replace(header, num_samples=clip.num_samples)

    def heard(self, blocks: Iterable[np.ndarray], sample_rate: int) -> np.ndarray:
        """What is scored and drawn: the first `SCORED_S` seconds, mono, at the model's rate.

        Shape: blocks [C, T] at `sample_rate` -> [T].
        """
        return heard(blocks, sample_rate, self.codec.config.sample_rate, SCORED_S)

    def heard_file(self, path: Path) -> np.ndarray:
        """`heard` of a recording. Shape: [T]."""
        with open_audio(path) as reader:
            return self.heard(reader.blocks(), reader.info.sample_rate)

    def score_clip(self, clip: Clip, num_stages: int) -> dict[str, float]:
        """PESQ-WB and STOI of the clip at `num_stages`, remembered in the clip.

        Raises:
            EvaluationError: no score exists (too short, silent).
        """
        if num_stages not in clip.scores:
            decoded = self.heard(self._through_codec(clip, num_stages), clip.sample_rate)
            clip.scores[num_stages] = self.score_wave(clip, decoded)
        return clip.scores[num_stages]

    def _through_codec(self, clip: Clip, num_stages: int) -> Iterator[np.ndarray]:
        """The decoded wave, coded no further than is asked for. Shape: -> waves [C, T]."""
        header = self._header(clip, num_stages)
        decoder = self.codec.file_decoder(header)
        for codes in self.codec.encode_blocks(wave_blocks(clip.original), header):
            yield from decoder.pieces(codes)
        yield from decoder.last_pieces()

    def score_wave(self, clip: Clip, decoded: np.ndarray) -> dict[str, float]:
        """PESQ-WB and STOI of any version of the clip, `heard`. Shape: decoded [T]."""
        reference = self.heard_file(clip.original)
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

    def check_code(self, path: str | Path) -> Header:
        """The header of an uploaded .nsvq file, all of whose checksums were compared.

        Raises:
            CorruptError, VersionError: not a sound file.
            AudioError: one that decodes to more than the limits.
        """
        header = check_file(Path(path)).header
        self.limits.check(header.sample_rate, header.num_channels, header.num_samples)
        return header


def finish(steps: Steps[Result]) -> Result:
    """Run all steps; what they return."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def plain_message(error: Exception) -> str:
    """What to tell a visitor: named errors speak for themselves, paths of this machine don't.

    >>> plain_message(CodecError("/tmp/x/up/a.wav: can't be read"))
    "a.wav: can't be read"
    """
    if not isinstance(error, CodecError):
        return "Something went wrong here; the operator's log has the details."
    return without_paths(str(error))


def without_paths(text: str) -> str:
    """`text` with only the last part of each path."""
    return " ".join(
        Path(word).name if word.startswith("/") and len(word) > 1 else word
        for word in text.split(" ")
    )
