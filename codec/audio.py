"""Recordings: the only file that opens audio; `codec.pcm` writes it."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile

from codec.bitstream import Tags, kept_tags
from codec.cut_short import noted_cut, unfinished_ogg
from codec.errors import AudioError
from codec.ffmpeg import BOUND, Bound, converted
from codec.formats import FFMPEG, suffix_of
from codec.pcm import check_wave, library_reason, target_format, to_pcm16, write_audio, write_blocks
from codec.resampling import resample

__all__ = [
    "AudioInfo",
    "AudioReader",
    "audio_info",
    "check_wave",
    "open_audio",
    "read_audio",
    "resample",
    "target_format",
    "to_pcm16",
    "write_audio",
    "write_blocks",
]

BLOCK_SAMPLES = 65_536
_APPROXIMATE = {"MP3"}
_MP3_FRAME = 1_152


@dataclass(frozen=True)
class AudioInfo:
    """What a recording is, read from its header."""

    sample_rate: int
    """Hz."""
    channels: int
    num_samples: int
    """Samples of each channel."""
    format: str
    """WAV, FLAC, OGG, MP3, …"""

    @property
    def seconds(self) -> float:
        """Duration."""
        return self.num_samples / self.sample_rate


class AudioReader:
    """An open recording: `info`, and `blocks` once from first sample to last."""

    def __init__(
        self, sound: soundfile.SoundFile, name: str, complaints: str = "", cut: str | None = None
    ) -> None:
        self._sound = sound
        self._name = name
        self.info = AudioInfo(sound.samplerate, sound.channels, sound.frames, sound.format)
        self.warnings: list[str] = [f"{name}: cut short? {cut}"] if cut else []
        if complaints:
            self.warnings.append(f"{name}: cut short? ffmpeg says: {complaints}")
        """What looks wrong but does not stop the reading; complete after `blocks`."""

    @property
    def tags(self) -> Tags:
        """Title, artist and the like as a .nsvq file can hold them, and the source's format."""
        suffix = suffix_of(self._name)
        kind = suffix[1:] if suffix in FFMPEG else f"{self._sound.format} {self._sound.subtype}"
        return kept_tags(self._sound.copy_metadata() | {"source_format": kind})

    def blocks(self, num_samples: int = BLOCK_SAMPLES) -> Iterator[np.ndarray]:
        """The wave, `num_samples` at a time; integer formats are scaled to [-1, 1].

        Shape: -> wave [C, T] float32, T = num_samples but for the last.

        Raises:
            AudioError: damaged, or with samples that are not finite or far beyond [-1, 1].
        """
        count = 0
        while len(block := self._read(num_samples)):
            check_wave(block, self._name)
            count += len(block)
            yield block.T
        if not count:
            raise AudioError(f"{self._name}: empty recording (0 samples)")
        promised = self.info.num_samples
        if count < promised and self.info.format not in _APPROXIMATE:
            raise AudioError(f"{self._name}: damaged, it ends after {count} of {promised} samples")
        if count < promised - 2 * _MP3_FRAME:
            what = f"its header promises {promised} samples and the file ends after {count}"
            self.warnings.append(f"{self._name}: cut short? {what}")

    def part(self, start: int, num_samples: int) -> np.ndarray:
        """`num_samples` samples from sample `start` on, without reading those before.

        Shape: -> wave [C, T] float32.

        Raises:
            AudioError: not that many samples are there, damaged, or as for `blocks`.
        """
        try:
            self._sound.seek(start)
        except (soundfile.SoundFileError, OSError) as error:
            raise AudioError(f"{self._name}: damaged ({library_reason(error)})") from error
        block = self._read(num_samples)
        if len(block) < num_samples:
            raise AudioError(
                f"{self._name}: damaged, it ends after {start + len(block)} samples; "
                f"expected {start + num_samples}"
            )
        check_wave(block, self._name)
        return block.T

    def _read(self, num_samples: int) -> np.ndarray:
        try:
            return self._sound.read(num_samples, dtype="float32", always_2d=True)
        except (soundfile.SoundFileError, OSError) as error:
            raise AudioError(f"{self._name}: damaged ({library_reason(error)})") from error


@contextmanager
def open_audio(source: str | Path | BinaryIO, *, bound: Bound = BOUND) -> Iterator[AudioReader]:
    """A recording, open for reading block by block.

    Args:
        source: a path, or an open binary file (a pipe is first copied to a temporary file). Paths
            that end in one of `codec.formats.FFMPEG` are read through the program ffmpeg.
        bound: the most that ffmpeg may make of it.

    Raises:
        AudioError: missing, a folder, not audio, without a single sample, or beyond the bound.
    """
    name = str(source) if isinstance(source, str | Path) else getattr(source, "name", "audio data")
    with _seekable(source, str(name), bound) as (file, complaints):
        start = file.read(4)
        if not start:
            raise AudioError(f"{name}: empty file (0 bytes); expected a recording")
        unfinished = unfinished_ogg(file) if start == b"OggS" else None
        file.seek(0)
        try:
            sound = soundfile.SoundFile(_direct(file), closefd=False)
        except (soundfile.SoundFileError, TypeError, ValueError, OSError) as error:
            raise AudioError(
                f"{name}: not a recording that can be read ({library_reason(error)}); "
                "expected wav, flac, ogg, mp3 or another format of libsndfile"
            ) from error
        with sound:
            cut = unfinished or noted_cut(sound)
            if sound.frames == 0 and cut:
                raise AudioError(f"{name}: damaged, {cut}; nothing of it can be read")
            if sound.frames == 0:
                raise AudioError(f"{name}: empty recording (0 samples)")
            if _needs_ffmpeg(source):
                bound.check_duration(name, sound.frames / sound.samplerate)
            yield AudioReader(sound, str(name), complaints, cut)


def read_audio(source: str | Path | BinaryIO) -> tuple[np.ndarray, int]:
    """A whole recording and its sample rate in Hz.

    Shape: wave [C, T] float32 in [-1, 1].

    Raises:
        AudioError: missing, not audio, empty, damaged, or with NaN or infinite samples.
    """
    with open_audio(source) as reader:
        return np.concatenate(list(reader.blocks()), axis=1), reader.info.sample_rate


def audio_info(source: str | Path | BinaryIO) -> AudioInfo:
    """Sample rate, channels and length, from the header alone.

    Raises:
        AudioError: missing, not audio, or empty.
    """
    with open_audio(source) as reader:
        return reader.info


def _needs_ffmpeg(source: str | Path | BinaryIO) -> bool:
    if not isinstance(source, str | Path):
        return False
    return suffix_of(source) in FFMPEG and Path(source).is_file()


@contextmanager
def _seekable(
    source: str | Path | BinaryIO, name: str, bound: Bound
) -> Iterator[tuple[BinaryIO, str]]:
    """`source` as an open file that can seek, and what ffmpeg complained of if it was needed."""
    if isinstance(source, str | Path):
        if _needs_ffmpeg(source):
            with converted(source, bound) as found:
                yield found
            return
        try:
            file = Path(source).open("rb")  # noqa: SIM115 (closed below)
        except IsADirectoryError as error:
            raise AudioError(f"{name}: is a folder; expected a recording") from error
        except FileNotFoundError as error:
            raise AudioError(f"{name}: no such file") from error
        except OSError as error:
            raise AudioError(f"{name}: can't be read ({error.strerror})") from error
        with file, _spooled(file, name) as whole:
            yield whole, ""
    else:
        with _spooled(source, name) as whole:
            yield whole, ""


@contextmanager
def _spooled(file: BinaryIO, name: str) -> Iterator[BinaryIO]:
    """An open file as it is, or copied to a temporary one where it can't seek (a pipe, say)."""
    if file.seekable():
        yield file
        return
    with tempfile.TemporaryFile() as spool:
        try:
            shutil.copyfileobj(file, spool)
            spool.seek(0)
        except OSError as error:
            reason = f"can't be copied to a temporary file ({error.strerror})"
            raise AudioError(f"{name}: {reason}") from error
        yield spool


def _direct(file: BinaryIO) -> int | BinaryIO:
    """The descriptor of a real file, so that libsndfile reads it by itself.

    Called back for every read, Python would lose the Ctrl-C that arrives during one.
    """
    try:
        descriptor = file.fileno()
    except (AttributeError, OSError):
        return file
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
