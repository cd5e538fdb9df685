"""Clips and what the codec makes of them: the computation behind every tab.

A `Clip` is coded once, at the highest rate. Residual codes nest, so every lower rate is a prefix of
that one file: moving the bitrate slider only trims and decodes.
"""

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from app.demo.settings import DemoSettings
from app.demo.shelf import Shelf, safe_name
from codec import Codec
from codec.audio import audio_info, read_audio, resample, write_audio
from codec.bitstream import Header, read_header, trim_file
from codec.errors import AudioError, BitstreamError, CodecError

SCORED_S = 30.0
"""PESQ and STOI look at no more than this many seconds from a clip's start."""
MAX_CHANNELS = 8


@dataclass
class Clip:
    """One recording, coded at the highest rate on offer."""

    name: str
    original: Path
    """The recording as 16-bit WAV at its own rate: what the page plays and scores against."""
    sample_rate: int
    num_samples: int
    num_channels: int
    data: bytes
    """The .nsvq file at the highest rate."""
    encode_s: float
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
    wave: np.ndarray
    """Shape [C, T]."""
    decode_s: float


class Studio:
    """One loaded codec and the files it works on; safe to use from several threads."""

    def __init__(self, codec: Codec, shelf: Shelf, settings: DemoSettings) -> None:
        self.codec = codec
        self.shelf = shelf
        self.settings = settings
        self.rates_kbps = tuple(codec.bitrates_kbps)
        self._examples: dict[Path, Clip] = {}
        self._examples_lock = threading.Lock()

    def check_length(self, seconds: float) -> None:
        """Refuse what this demo would take too long over.

        Raises:
            AudioError: longer than `max_minutes`, or no length at all.
        """
        if not 0.0 < seconds <= self.settings.max_seconds:
            raise AudioError(
                f"This recording lasts {seconds / 60:.1f} minutes; this page takes up to "
                f"{self.settings.max_minutes:g}. Cut it, or use `nsvq encode`, which takes any "
                "length.")

    def open_clip(self, path: str | Path, name: str | None = None) -> Clip:
        """Read and code the recording at `path`.

        Raises:
            AudioError: not audio, empty, too long or with too many channels.
        """
        info = audio_info(path)
        self.check_length(info.seconds)
        if info.channels > MAX_CHANNELS:
            raise AudioError(f"{info.channels} channels found; this page takes up to "
                             f"{MAX_CHANNELS}.")
        wave, sample_rate = read_audio(path)
        name = safe_name(name or Path(path).name)
        original = self.shelf.place(f"{Path(name).stem}.wav")
        write_audio(original, wave, sample_rate)
        started = time.perf_counter()
        data = self.codec.compress(wave, sample_rate)
        encode_s = time.perf_counter() - started
        return Clip(name, original, sample_rate, wave.shape[-1], wave.shape[0], data, encode_s)

    def open_example(self, path: Path) -> Clip:
        """`open_clip` for a bundled clip, computed once for all visitors."""
        with self._examples_lock:
            if path not in self._examples:
                self._examples[path] = self.open_clip(path)
            clip = self._examples[path]
            if not clip.original.exists():  # swept: write it again
                clip = self._examples[path] = self.open_clip(path)
            clip.original.touch()
        return clip

    def decode_clip(self, clip: Clip, bitrate_kbps: float) -> Take:
        """The clip as it sounds at `bitrate_kbps`."""
        stages = self.codec.config.stages_for(bitrate_kbps)
        data = trim_file(clip.data, stages)
        started = time.perf_counter()
        wave, sample_rate = self.codec.decompress(data)
        decode_s = time.perf_counter() - started
        kbps = self.codec.config.bitrate_kbps(stages)
        path = self.shelf.place(f"{clip.stem} {kbps:g} kbps.wav")
        write_audio(path, wave, sample_rate)
        return Take(stages, kbps, data, path, wave, decode_s)

    def reference(self, clip: Clip) -> np.ndarray:
        """The original as the network hears it: mono at its rate. Shape [T]."""
        wave, sample_rate = read_audio(clip.original)
        return self.as_heard(wave, sample_rate)

    def as_heard(self, wave: np.ndarray, sample_rate: int) -> np.ndarray:
        """Shape: wave [C, T] at `sample_rate` -> [T] at the model's rate."""
        return resample(wave.mean(axis=0, keepdims=True), sample_rate,
                        self.codec.config.sample_rate)[0]

    def score_clip(self, clip: Clip, num_stages: int, wave: np.ndarray | None = None
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
        from training.evaluation.metrics import score

        limit = int(SCORED_S * self.codec.config.sample_rate)
        reference = self.reference(clip)[:limit]
        decoded = self.as_heard(wave, sample_rate)[:limit]
        length = min(len(reference), len(decoded))
        return score(reference[:length], decoded[:length], self.codec.config.sample_rate)

    def sampled_stages(self, most: int = 8) -> list[int]:
        """Up to `most` numbers of stages from one to all, denser at the low end."""
        last = self.codec.config.num_stages
        points = np.unique(np.rint(np.geomspace(1, last, most)).astype(int))
        return [int(n) for n in points]

    def read_code(self, path: str | Path) -> tuple[bytes, Header]:
        """The bytes and header of an uploaded .nsvq file.

        Raises:
            BitstreamError: not a sound file, or one that decodes to more than `max_minutes`.
        """
        data = Path(path).read_bytes()
        header = read_header(data)
        if header.num_channels > MAX_CHANNELS:
            raise BitstreamError(f"{header.num_channels} channels found; this page takes up to "
                                 f"{MAX_CHANNELS}.")
        self.check_length(header.num_samples / header.sample_rate)
        return data, header


def plain_message(error: Exception) -> str:
    """What to tell a visitor: named errors speak for themselves, paths of this machine don't.

    >>> plain_message(AudioError("/tmp/x/up/a.wav: can't be read"))
    "a.wav: can't be read"
    """
    if not isinstance(error, CodecError):
        return "Something went wrong here; the operator's log has the details."
    words = [Path(word).name if word.startswith("/") and len(word) > 1 else word
             for word in str(error).split(" ")]
    return " ".join(words)
