"""The Files tab's work: several files in, one file or a zip out."""

import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.demo.shelf import safe_name
from app.demo.studio import Studio, plain_message, without_paths
from app.demo.waves import new_wave
from codec.bitstream import VARIABLE, FileReader, Header
from codec.errors import CodecError
from codec.files import trim_path
from codec.output import new_file

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
    """`path` (audio) as .nsvq at `bitrate_kbps` on average."""
    output = studio.shelf.place(f"{path.stem}.nsvq")
    try:
        with studio.recording(path) as (reader, blocks), new_file(output) as file:
            info, stages = reader.info, studio.codec.stages_for(bitrate_kbps)
            header = studio.codec.header(info.sample_rate, info.channels, stages, vbr=True)
            header = studio.codec.compress_blocks(blocks, header, file)
    except CodecError as error:
        return _failed(path, error)
    kbps = 8 * header.file_bytes / header.seconds / 1000
    mean = " on average" if header.version == VARIABLE else ""
    note = f"{header.seconds:.1f} s, {header.file_bytes:,} bytes, {kbps:.2f} kbps{mean}"
    if header.num_channels > 1:
        note += f" ({header.num_channels} channels, each coded on its own)"
    note = "; ".join([note, *map(without_paths, reader.warnings)])
    return Result(path.name, output, note)


def decode_one(studio: Studio, path: Path, bitrate_kbps: float | None) -> Result:
    """`path` (.nsvq) as 16-bit WAV, at a lower rate where one is given."""
    output = studio.shelf.place(f"{path.stem}.wav")
    try:
        header = studio.check_code(path)
        with (
            path.open("rb") as code,
            new_wave(output, header.sample_rate, header.num_channels) as file,
        ):
            stages = _stages(header, bitrate_kbps)
            for block in studio.codec.decompress_blocks(FileReader(code), stages):
                file.write(block)
    except CodecError as error:
        return _failed(path, error)
    return Result(path.name, output, f"{header.seconds:.1f} s at {header.sample_rate:,} Hz")


def trim_one(studio: Studio, path: Path, bitrate_kbps: float) -> Result:
    """`path` (.nsvq) without the stages above `bitrate_kbps`; the network is not used."""
    output = studio.shelf.place(f"{path.stem}.nsvq")
    try:
        before = studio.check_code(path)
        after = trim_path(path, output, num_stages=_stages(before, bitrate_kbps)).header
    except CodecError as error:
        return _failed(path, error)
    return Result(path.name, output, f"{before.file_bytes:,} → {after.file_bytes:,} bytes")


def describe_one(studio: Studio, path: Path) -> dict[str, str]:
    """What an uploaded .nsvq file holds, as name and value.

    Raises:
        BitstreamError: not a sound file.
    """
    header = studio.check_code(path)
    seconds, kbps = header.seconds, header.bitrate_kbps()
    mean = " on average" if header.version == VARIABLE else ""
    ours = header.model_id == studio.codec.model_id
    return {
        "Length": f"{seconds:.2f} s",
        "Source": f"{header.sample_rate:,} Hz, {header.num_channels} channel"
        f"{'s' if header.num_channels != 1 else ''}",
        "Stages": f"{header.num_stages}{mean} ({kbps:g} kbps a channel)",
        "On disk": f"{header.file_bytes:,} bytes, "
        f"{8 * header.file_bytes / seconds / 1000:.2f} kbps",
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


def _stages(header: Header, bitrate_kbps: float | None) -> int:
    """Stages for a bitrate, by the file's own rates: another model may have made it."""
    return header.num_stages if bitrate_kbps is None else header.stages_for(bitrate_kbps)


def _failed(path: Path, error: CodecError) -> Result:
    return Result(path.name, None, plain_message(error))
