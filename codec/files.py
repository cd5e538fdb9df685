"""From file to file in bounded memory: what the command line does.

Sources and targets are paths or open binary files. A target appears whole or not at all.
"""

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from codec.audio import open_audio, target_format, write_blocks
from codec.bitstream import (
    GROWING,
    VARIABLE,
    VERSION,
    FileReader,
    Header,
    default_frames_per_chunk,
    trim_reader,
    variable_frames_per_chunk,
)
from codec.errors import BitstreamError, OutputError
from codec.output import growing_file, new_file
from codec.wav_stream import WavStream

if TYPE_CHECKING:
    from codec.codec import Codec

Source = str | Path | BinaryIO
Progress = Callable[[float, float], None]
"""Called with the seconds of audio done and those in all."""


@dataclass(frozen=True)
class CodedFile:
    """A .nsvq file that was written, read or looked at."""

    header: Header
    num_bytes: int
    warnings: tuple[str, ...] = ()
    """What looked wrong with its source but did not stop the work."""

    @property
    def bitrate_kbps(self) -> float:
        """What the file really takes, overhead and all channels included; 0 if it is empty."""
        seconds = self.header.seconds
        return self.num_bytes * 8.0 / seconds / 1000.0 if seconds else 0.0


def compress_file(
    codec: "Codec",
    source: Source,
    target: Source,
    *,
    bitrate_kbps: float | None = None,
    num_stages: int | None = None,
    mono: bool = False,
    vbr: bool = True,
    chunk_s: float | None = None,
    tags: bool = False,
    force: bool = False,
    progress: Progress | None = None,
) -> CodedFile:
    """Code a recording into a .nsvq file.

    Args:
        bitrate_kbps, num_stages: see `Codec.stages_for`.
        mono: fold all channels into one, their mean.
        vbr: stages vary from frame to frame, in a file of version 3; see `Codec.compress`.
        chunk_s: seconds in a chunk, as far as a chunk holds them; if None, about four with
            vbr and about one without.
        tags: keep title, artist and the like, and the source's format; without vbr, in a file of
            version 2.
        force: replace an existing target.

    Raises:
        AudioError: the source can't be read or coded.
        ConfigError: a bitrate or number of stages that can't be had.
        OutputError: the target exists or can't be written.
    """
    stages = codec.stages_for(bitrate_kbps, num_stages)
    _refuse_same(source, target)
    with open_audio(source) as reader, new_file(target, force) as file:
        info = reader.info
        header = codec.header(info.sample_rate, 1 if mono else info.channels, stages, vbr=vbr)
        header = with_chunks(header, chunk_s)
        if tags:
            version = GROWING if header.version == VERSION else header.version
            header = replace(header, version=version, tags=reader.tags)
        blocks = _reported(reader.blocks(), info.sample_rate, info.num_samples, progress)
        if mono:
            blocks = _folded(blocks)
        written = codec.compress_blocks(blocks, header, file)
        return CodedFile(written, written.file_bytes, tuple(reader.warnings))


def with_chunks(header: Header, chunk_s: float | None) -> Header:
    """The header of a file with chunks of so many seconds, or of as many as a chunk holds.

    A chunk has a frame at least, or two where the bitrate varies.

    >>> header = Header(bytes(8), 16_000, 1, 0, num_stages=12, code_bits=10)
    >>> with_chunks(header, 0.2).frames_per_chunk, with_chunks(header, 9e9).frames_per_chunk
    (10, 819)
    """
    if chunk_s is None:
        return header
    if header.version == VARIABLE:
        frames = variable_frames_per_chunk(
            header.frame_rate, header.num_channels, header.code_bits, chunk_s
        )
        return replace(header, frames_per_chunk=frames)
    most = default_frames_per_chunk(1e9, header.num_channels, header.code_bits)
    frames = round(min(chunk_s * header.frame_rate, most))
    return replace(header, frames_per_chunk=max(1, frames))


def record_file(
    codec: "Codec",
    wav: WavStream,
    target: Source,
    *,
    num_stages: int,
    mono: bool = False,
    chunk_s: float | None = None,
    tags: bool = False,
    force: bool = False,
    progress: Progress | None = None,
) -> CodedFile:
    """Code a recording while it comes, into a file of version 2 that grows with it.

    The target is written as it is, chunk by chunk. An interruption ends the recording, and the file
    is finished; so does a pipe that ends before its header says, with a warning. What kills the
    process leaves a file whose whole chunks decode.

    Args:
        tags: keep title, artist and the like as far as they stand before the samples, and the
            source's format.

    Raises:
        AudioError: samples that can't be coded, or none.
        OutputError: the target exists or can't be written.
    """
    header = codec.header(wav.sample_rate, 1 if mono else wav.num_channels, num_stages)
    header = replace(with_chunks(header, chunk_s), version=GROWING, tags=wav.tags if tags else ())
    blocks: Iterator[np.ndarray] = _reported(wav.blocks(), wav.sample_rate, 0, progress)
    first = next(blocks)  # a target is made only if there is something to code
    blocks = _until_interrupted(chain([first], blocks))
    with growing_file(target, force) as file:
        written = codec.compress_blocks(_folded(blocks) if mono else blocks, header, file)
    return CodedFile(written, written.file_bytes, tuple(wav.warnings))


def decompress_file(
    codec: "Codec",
    source: Source,
    target: Source,
    *,
    bitrate_kbps: float | None = None,
    num_stages: int | None = None,
    format: str | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> CodedFile:
    """Rebuild the recording in a .nsvq file, as 16-bit PCM.

    One of version 2 whose end is missing is rebuilt as far as it goes, with a warning.

    Args:
        bitrate_kbps, num_stages: decode fewer stages than the file holds.
        format: "wav" or "flac"; by the target's suffix if None, wav for an open file.

    Returns what was read.

    Raises:
        CorruptError, VersionError: not a sound .nsvq file.
        ModelMismatchError: coded with another model.
        ConfigError: a bitrate or number of stages that the file doesn't hold.
        AudioError: a format that can't be written.
        OutputError: the target exists or can't be written.
    """
    kind = format or target_format(target)
    _refuse_same(source, target)
    with _open_coded(source, partial=True) as reader:
        header = reader.header
        stages = header.held_stages(bitrate_kbps, num_stages)
        waves = codec.decompress_blocks(reader, stages)
        tags = {name: text for name, text in header.tags if name != "source_format"}
        waves = _reported(waves, header.sample_rate, header.num_samples, progress)
        shape = (header.num_channels, header.num_samples)
        with new_file(target, force) as file:
            write_blocks(file, waves, header.sample_rate, shape, kind, tags=tags)
        return _coded(header, reader.missing)


def trim_path(
    source: Source,
    target: Source,
    *,
    bitrate_kbps: float | None = None,
    num_stages: int | None = None,
    force: bool = False,
) -> CodedFile:
    """Cut a .nsvq file to a lower bitrate without decoding it. Returns what was written.

    Raises:
        CorruptError, VersionError: not a sound .nsvq file.
        ConfigError: a bitrate or number of stages that the file doesn't hold.
        OutputError: the target exists or can't be written.
    """
    _refuse_same(source, target)
    with _open_coded(source) as reader:
        stages = reader.header.held_stages(bitrate_kbps, num_stages)
        with new_file(target, force) as file:
            return _coded(trim_reader(reader, file, stages))


def check_file(source: Source) -> CodedFile:
    """What a .nsvq file holds, after all its checksums were compared.

    One of version 2 whose end is missing is looked at as far as it goes, with a warning.

    Raises:
        CorruptError, VersionError: not a sound .nsvq file.
    """
    with _open_coded(source, partial=True) as reader:
        for _ in reader.payloads():
            pass
        return _coded(reader.header, reader.missing)


@contextmanager
def _open_coded(source: Source, partial: bool = False) -> Iterator[FileReader]:
    """A .nsvq file, open for reading; its errors name it."""
    if not isinstance(source, str | Path):
        yield FileReader(source, partial=partial)
        return
    try:
        file = Path(source).open("rb")  # noqa: SIM115 (closed below)
    except FileNotFoundError as error:
        raise BitstreamError(f"{source}: no such file") from error
    except OSError as error:
        raise BitstreamError(f"{source}: can't be read ({error.strerror})") from error
    with file:
        try:
            reader = FileReader(file, _length(file), partial=partial)
            reader.missing = reader.missing and f"{source}: {reader.missing}"
            yield reader
        except BitstreamError as error:
            raise type(error)(f"{source}: {error}") from error


def _length(file: BinaryIO) -> int | None:
    """Bytes in an open file; None for a pipe or a device, which only the reading tells of."""
    status = os.fstat(file.fileno())
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _refuse_same(source: Source, target: Source) -> None:
    """Refuse to replace a file by what is made from it."""
    paths = [Path(place) for place in (source, target) if isinstance(place, str | Path)]
    if len(paths) == 2 and all(path.exists() for path in paths) and paths[0].samefile(paths[1]):
        raise OutputError(f"{paths[1]}: is the input; write the output elsewhere")


def _reported(
    blocks: Iterable[np.ndarray], sample_rate: int, num_samples: int, progress: Progress | None
) -> Iterator[np.ndarray]:
    """The same blocks; `progress` hears of each once it was used."""
    done = 0
    for block in blocks:
        yield block
        done += block.shape[1]
        if progress:
            progress(done / sample_rate, num_samples / sample_rate)


def _coded(header: Header, missing: str = "") -> CodedFile:
    return CodedFile(header, header.file_bytes, (missing,) if missing else ())


def _folded(blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Shape: blocks [C, T] -> [1, T]."""
    return (block.mean(0, keepdims=True, dtype=np.float32) for block in blocks)


def _until_interrupted(blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """The same blocks; Ctrl-C ends them as a pipe's end does."""
    with suppress(KeyboardInterrupt):
        yield from blocks
