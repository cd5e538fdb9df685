"""The Files tab's work: several files in, one file or a zip out."""

import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.demo.shelf import safe_name
from app.demo.studio import Studio, plain_message
from codec.audio import audio_info, read_audio, write_audio
from codec.bitstream import trim_file
from codec.errors import CodecError

MAX_FILES = 20


@dataclass(frozen=True)
class Result:
    """What became of one input."""

    name: str
    """The input's name."""
    output: Path | None
    """None if it failed."""
    note: str
    """Sizes and rates, or what went wrong."""


def encode_one(studio: Studio, path: Path, bitrate_kbps: float) -> Result:
    """`path` (audio) as .nsvq at `bitrate_kbps`."""
    try:
        studio.check_length(audio_info(path).seconds)
        wave, sample_rate = read_audio(path)
        data = studio.codec.compress(wave, sample_rate, bitrate_kbps=bitrate_kbps)
    except CodecError as error:
        return _failed(path, error)
    output = studio.shelf.place(f"{path.stem}.nsvq")
    output.write_bytes(data)
    seconds = wave.shape[-1] / sample_rate
    note = f"{seconds:.1f} s, {len(data):,} bytes, {8 * len(data) / seconds / 1000:.2f} kbps"
    return Result(path.name, output, note)


def decode_one(studio: Studio, path: Path, bitrate_kbps: float | None) -> Result:
    """`path` (.nsvq) as 16-bit WAV, at a lower rate where one is given."""
    try:
        data, header = studio.read_code(path)
        wave, sample_rate = studio.codec.decompress(
            data, num_stages=_stages(studio, header.num_stages, bitrate_kbps)
        )
    except CodecError as error:
        return _failed(path, error)
    output = studio.shelf.place(f"{path.stem}.wav")
    write_audio(output, wave, sample_rate)
    seconds = wave.shape[-1] / sample_rate
    return Result(path.name, output, f"{seconds:.1f} s at {sample_rate:,} Hz")


def trim_one(studio: Studio, path: Path, bitrate_kbps: float) -> Result:
    """`path` (.nsvq) without the stages above `bitrate_kbps`; the network is not used."""
    try:
        data, header = studio.read_code(path)
        trimmed = trim_file(data, _stages(studio, header.num_stages, bitrate_kbps))
    except CodecError as error:
        return _failed(path, error)
    output = studio.shelf.place(f"{path.stem}.nsvq")
    output.write_bytes(trimmed)
    return Result(path.name, output, f"{len(data):,} → {len(trimmed):,} bytes")


def describe_one(studio: Studio, path: Path) -> dict[str, str]:
    """What an uploaded .nsvq file holds, as name and value.

    Raises:
        BitstreamError: not a sound file.
    """
    data, header = studio.read_code(path)
    seconds, kbps = header.seconds, header.bitrate_kbps()
    ours = header.model_id == studio.codec.model_id
    return {
        "Length": f"{seconds:.2f} s",
        "Source": f"{header.sample_rate:,} Hz, {header.num_channels} channel"
        f"{'s' if header.num_channels != 1 else ''}",
        "Stages": f"{header.num_stages} ({kbps:g} kbps a channel)",
        "On disk": f"{len(data):,} bytes"
        + (f", {8 * len(data) / seconds / 1000:.2f} kbps" if seconds else ""),
        "Made by": f"checkpoint {header.model_id.hex()}"
        + (" (this one)" if ours else " (another one: it can't be decoded here)"),
    }


def run_each(work: Callable[[Path], Result], paths: Sequence[str | Path]) -> Iterator[Result]:
    """`work(path)` for each of the first `MAX_FILES` paths, one result at a time."""
    for path in [Path(p) for p in paths][:MAX_FILES]:
        yield work(path)
    for path in [Path(p) for p in paths][MAX_FILES:]:
        yield Result(path.name, None, f"left out: {MAX_FILES} files at a time")


def bundle(studio: Studio, results: Sequence[Result], name: str) -> Path | None:
    """The one output there is, or a zip called `name` of several; None without any."""
    outputs = [result.output for result in results if result.output is not None]
    if len(outputs) < 2:
        return outputs[0] if outputs else None
    path = studio.shelf.place(name)
    taken: set[str] = set()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for output in outputs:
            archive.write(output, _free_name(output.name, taken))
    return path


def _free_name(name: str, taken: set[str]) -> str:
    """`name`, or `name (2)` … if two inputs were called the same."""
    stem, suffix = Path(safe_name(name)).stem, Path(name).suffix
    choice, number = f"{stem}{suffix}", 2
    while choice in taken:
        choice, number = f"{stem} ({number}){suffix}", number + 1
    taken.add(choice)
    return choice


def _stages(studio: Studio, held: int, bitrate_kbps: float | None) -> int:
    if bitrate_kbps is None or not np.isfinite(bitrate_kbps):
        return held
    return min(held, studio.codec.config.stages_for(bitrate_kbps))


def _failed(path: Path, error: CodecError) -> Result:
    return Result(path.name, None, plain_message(error))
