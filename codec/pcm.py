"""Samples on their way out: which can be written, and 16-bit PCM recordings of them."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import soundfile

from codec.errors import AudioError, OutputError
from codec.output import new_file

_LOUDEST = 100.0
_TAGS = {"title", "artist", "album", "date", "comment", "copyright", "license", "genre"}
_MAX_WAV_BYTES = 2**32 - 2**16


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
    *,
    tags: Mapping[str, str] | None = None,
) -> None:
    """Write waves, one after the other, as one 16-bit PCM recording.

    Args:
        shape: (C, T) of them all together.
        format: "wav" (RF64 beyond 4 GB) or "flac".
        tags: title, artist and the like; those that soundfile doesn't know are left out.

    Shape: blocks [C, T] each.

    Raises:
        AudioError: a format that can't be written, shape and rate don't fit it, or samples are not
            finite.
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
            for name in _TAGS & set(tags or {}):
                setattr(sound, name, (tags or {})[name])
            for block in blocks:
                check_finite(block)
                sound.write(to_pcm16(block).T)
                if output.error is not None:
                    break
    except (soundfile.SoundFileError, ValueError, AssertionError) as error:
        if output.error is None:
            raise AudioError(
                f"can't write {channels} channels at {sample_rate} Hz as {format} "
                f"({library_reason(error)})"
            ) from error
    if isinstance(output.error, OSError):
        raise OutputError(f"can't be written ({output.error.strerror})") from output.error
    if output.error is not None:
        raise output.error


class _Output:
    """An open file that keeps the first error, or Ctrl-C, of what is done to it.

    soundfile calls it from C, which can only print an error and go on.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.error: BaseException | None = None
        self._file = file

    def write(self, data: bytes) -> int:
        """Bytes written: none after an error."""
        return self._kept(self._file.write, data)

    def read(self, count: int = -1) -> bytes:
        """Bytes read: none after an error."""
        return self._kept(self._file.read, count) or b""

    def seek(self, offset: int, whence: int = 0) -> int:
        """The new place: 0 after an error."""
        return self._kept(self._file.seek, offset, whence)

    def tell(self) -> int:
        """The place: 0 after an error."""
        return self._kept(self._file.tell)

    def _kept(self, call: Callable[..., Any], *args: Any) -> Any:
        if self.error is not None:
            return 0
        try:
            return call(*args)
        except BaseException as error:  # raised again by `write_blocks`
            self.error = error
            return 0


def to_pcm16(wave: np.ndarray) -> np.ndarray:
    """A wave as written to disk: rounded to 16 bits and clipped.

    Shape: wave [...] -> int16 [...].

    >>> to_pcm16(np.array([0.5, -2.0]))
    array([ 16384, -32768], dtype=int16)
    """
    return np.clip(np.rint(np.clip(wave, -1.0, 1.0) * 32_768.0), -32_768, 32_767).astype(np.int16)


def check_finite(wave: np.ndarray) -> None:
    """Refuse samples that are no numbers: as PCM they would be noise at full scale.

    Raises:
        AudioError: NaN or infinite samples.
    """
    if not np.isfinite(wave).all():
        raise AudioError(
            "the wave to write has NaN or infinite samples; the weights that decoded it overflow"
        )


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


def library_reason(error: Exception) -> str:
    """What the library says, without its name and full stop."""
    text = getattr(error, "error_string", None) or str(error)
    return text.strip().rstrip(".")
