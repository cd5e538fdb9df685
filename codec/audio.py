"""Recordings: the only file that opens audio."""

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile

from codec.errors import AudioError, OutputError
from codec.output import new_file
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
_LOUDEST = 100.0
_MAX_WAV_BYTES = 2**32 - 2**16
_APPROXIMATE = {"MP3"}


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

    def __init__(self, sound: soundfile.SoundFile, name: str) -> None:
        self._sound = sound
        self._name = name
        self.info = AudioInfo(sound.samplerate, sound.channels, sound.frames, sound.format)

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
        if count < self.info.num_samples and self.info.format not in _APPROXIMATE:
            raise AudioError(
                f"{self._name}: damaged, it ends after {count} of {self.info.num_samples} samples"
            )

    def _read(self, num_samples: int) -> np.ndarray:
        try:
            return self._sound.read(num_samples, dtype="float32", always_2d=True)
        except (soundfile.SoundFileError, OSError) as error:
            raise AudioError(f"{self._name}: damaged ({_reason(error)})") from error


@contextmanager
def open_audio(source: str | Path | BinaryIO) -> Iterator[AudioReader]:
    """A recording, open for reading block by block.

    Args:
        source: a path, or an open binary file (a pipe is first copied to a temporary file).

    Raises:
        AudioError: missing, a folder, not audio, or without a single sample.
    """
    name = str(source) if isinstance(source, str | Path) else getattr(source, "name", "audio data")
    with _seekable(source, str(name)) as file:
        if not file.read(1):
            raise AudioError(f"{name}: empty file (0 bytes); expected a recording")
        file.seek(0)
        try:
            sound = soundfile.SoundFile(_direct(file), closefd=False)
        except (soundfile.SoundFileError, TypeError, ValueError, OSError) as error:
            raise AudioError(
                f"{name}: not a recording that can be read ({_reason(error)}); "
                "expected wav, flac, ogg or mp3"
            ) from error
        with sound:
            if sound.frames == 0:
                raise AudioError(f"{name}: empty recording (0 samples)")
            yield AudioReader(sound, str(name))


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


def write_audio(
    target: str | Path | BinaryIO,
    wave: np.ndarray,
    sample_rate: int,
    format: str | None = None,
    *,
    force: bool = True,
) -> None:
    """Write 16-bit PCM; nothing is left behind on an error.

    Args:
        format: "wav" or "flac"; by the path's suffix if None, wav for an open file.
        force: replace an existing file.

    Shape: wave [C, T] (or [T]); values beyond [-1, 1] are clipped.

    Raises:
        AudioError: a format that can't be written, or a wave that doesn't fit it.
        OutputError: the file can't be written.
    """
    wave = np.atleast_2d(wave)
    check_wave(wave, "wave to write")
    kind = format or target_format(target)
    with new_file(target, force) as file:
        write_blocks(file, [wave], sample_rate, wave.shape, kind)


def target_format(target: str | Path | BinaryIO) -> str:
    """ "wav" or "flac" by a path's suffix; "wav" for an open file.

    Raises:
        AudioError: another suffix.
    """
    if not isinstance(target, str | Path):
        return "wav"
    suffix = Path(target).suffix.lower()
    if suffix not in (".wav", ".flac"):
        raise AudioError(
            f"{target}: can't write {suffix or 'a file without a suffix'}; expected .wav or .flac"
        )
    return suffix[1:]


def write_blocks(
    file: BinaryIO,
    blocks: Iterable[np.ndarray],
    sample_rate: int,
    shape: tuple[int, ...],
    format: str,
) -> None:
    """Write waves, one after the other, as one 16-bit PCM recording.

    Args:
        shape: (C, T) of them all together.
        format: "wav" (RF64 beyond 4 GB) or "flac".

    Shape: blocks [C, T] each.

    Raises:
        AudioError: a format that can't be written, or shape and rate don't fit it.
        OutputError: no space is left, say.
    """
    channels, num_samples = shape
    kind = format.upper()
    if kind not in ("WAV", "FLAC"):
        raise AudioError(f"can't write {format!r}; expected 'wav' or 'flac'")
    if kind == "WAV" and 2 * channels * num_samples > _MAX_WAV_BYTES:
        kind = "RF64"
    output = _Output(file)
    try:
        with soundfile.SoundFile(
            output, "w", sample_rate, channels, "PCM_16", format=kind
        ) as sound:
            for block in blocks:
                sound.write(to_pcm16(block).T)
    except (soundfile.SoundFileError, ValueError, AssertionError) as error:
        if output.error is None:
            raise AudioError(
                f"can't write {channels} channels at {sample_rate} Hz as {format} "
                f"({_reason(error)})"
            ) from error
    if isinstance(output.error, OSError):
        raise OutputError(f"can't write ({output.error.strerror})") from output.error
    if output.error is not None:
        raise output.error


class _Output:
    """An open file that keeps the error of a write, or Ctrl-C in one: soundfile only prints it."""

    def __init__(self, file: BinaryIO) -> None:
        self.seek, self.tell, self.read = file.seek, file.tell, file.read
        self.error: BaseException | None = None
        self._write = file.write

    def write(self, data: bytes) -> int:
        """Bytes written: none after an error."""
        try:
            return self._write(data)
        except BaseException as error:  # raised again by `write_blocks`
            self.error = error
            return 0


def to_pcm16(wave: np.ndarray) -> np.ndarray:
    """A wave as written to disk: rounded to 16 bits and clipped.

    Shape: wave [...] -> int16 [...].

    >>> to_pcm16(np.array([0.5, -2.0]))
    array([ 16384, -32768], dtype=int16)
    """
    return np.clip(np.rint(wave * 32_768.0), -32_768, 32_767).astype(np.int16)


def check_wave(wave: np.ndarray, name: str) -> None:
    """Refuse samples that can't be coded.

    Raises:
        AudioError: not finite, or far beyond [-1, 1].
    """
    loudest = max(float(wave.max(initial=0.0)), -float(wave.min(initial=0.0)))
    if not np.isfinite(loudest):
        raise AudioError(f"{name}: has NaN or infinite samples; expected finite ones")
    if loudest > _LOUDEST:
        raise AudioError(f"{name}: samples reach {loudest:.3g}; expected them within [-1, 1]")


@contextmanager
def _seekable(source: str | Path | BinaryIO, name: str) -> Iterator[BinaryIO]:
    """`source` as an open file that can seek."""
    if isinstance(source, str | Path):
        try:
            file = Path(source).open("rb")  # noqa: SIM115 (closed below)
        except IsADirectoryError as error:
            raise AudioError(f"{name}: is a folder; expected a recording") from error
        except FileNotFoundError as error:
            raise AudioError(f"{name}: no such file") from error
        except OSError as error:
            raise AudioError(f"{name}: can't be read ({error.strerror})") from error
        with file:
            yield file
    elif source.seekable():
        yield source
    else:
        with tempfile.TemporaryFile() as spool:
            shutil.copyfileobj(source, spool)
            spool.seek(0)
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


def _reason(error: Exception) -> str:
    """What the library says, without its name and full stop."""
    text = getattr(error, "error_string", None) or str(error)
    return text.strip().rstrip(".")
