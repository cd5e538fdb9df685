"""`nsvq info`: what .nsvq files and checkpoints hold. Never loads the network."""

import functools
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import click

from app.checkpoint_facts import checkpoint_facts
from app.failures import failure_of, folder_failures, report_failures
from app.files import NSVQ_SUFFIX, STANDARD, expand
from app.options import json_option
from app.work import Facts
from codec.bitstream import VARIABLE, FileReader, Header
from codec.bitstream.header import MAGIC
from codec.catalog import (
    SUFFIX,
    describe_checkpoint,
    find_checkpoint,
    shipped_checkpoints,
)
from codec.errors import BitstreamError, CheckpointError
from codec.files import check_file


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="FILE...")
@json_option
def command(inputs: tuple[str, ...], as_json: bool) -> None:
    """Show what .nsvq files and checkpoints hold.

    A .nsvq file is read to its end and every checksum tested. A checkpoint is a file, or a name
    that `nsvq models` lists.
    """
    described: list[Facts] = []
    failures: list[Facts] = []
    paths, unread = expand(inputs, (NSVQ_SUFFIX, SUFFIX))
    for path in paths:
        try:
            described.append(_describe(path))
        except BrokenPipeError:
            raise
        except Exception as error:
            failures.append(failure_of(path, error))
    if as_json:
        told = {"files": described, "failures": [*folder_failures(unread), *failures]}
        click.echo(json.dumps(told, indent=2))
    else:
        click.echo("\n\n".join(_text(facts) for facts in described), nl=bool(described))
    report_failures(failures, len(paths), unread)


def _describe(path: Path) -> Facts:
    if path == STANDARD:
        if sys.stdin is None:
            raise BitstreamError("standard input: is closed")
        return _file_facts(sys.stdin.buffer)
    if path.exists() and not path.is_file() and not path.is_dir():
        return _file_facts(path)  # a pipe, which can be read only once
    if path.suffix == NSVQ_SUFFIX or (path.is_file() and _begins_like_nsvq(path)):
        return _file_facts(path)
    try:
        return checkpoint_facts(describe_checkpoint(find_checkpoint(str(path))))
    except CheckpointError as error:
        if path.is_file() and path.suffix != SUFFIX:
            raise CheckpointError(f"{path}: neither a .nsvq file nor a checkpoint") from error
        raise


def _begins_like_nsvq(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def _file_facts(source: Path | BinaryIO) -> Facts:
    with _rereadable(source) as file:
        coded = check_file(file)
        mean_stages = _mean_stages(file, coded.header)
    header = coded.header
    return {
        "kind": "nsvq",
        "path": str(source) if isinstance(source, Path) else "-",
        "version": header.version,
        "bytes": coded.num_bytes,
        "kbps": coded.bitrate_kbps,
        "model_id": header.model_id.hex(),
        "model": _model_name(header.model_id),
        "seconds": header.seconds,
        "sample_rate": header.sample_rate,
        "num_channels": header.num_channels,
        "num_samples": header.num_samples,
        "num_stages": header.num_stages,
        "variable": header.version == VARIABLE,
        "mean_stages": mean_stages,
        "code_bits": header.code_bits,
        "frame_rate": header.frame_rate,
        "bitrates_kbps": [header.bitrate_kbps(n + 1) for n in range(header.num_stages)],
        "chunk_seconds": header.frames_per_chunk / header.frame_rate,
        "tags": dict(header.tags),
        "warnings": list(coded.warnings),
    }


@contextmanager
def _rereadable(source: Path | BinaryIO) -> Iterator[Path | BinaryIO]:
    """The source, or a copy of one that can be read only once."""
    if isinstance(source, Path) and (source.is_file() or not source.exists()):
        yield source
        return
    with ExitStack() as stack:
        copy = stack.enter_context(tempfile.TemporaryFile())
        file = stack.enter_context(source.open("rb")) if isinstance(source, Path) else source
        shutil.copyfileobj(file, copy)
        copy.seek(0)
        yield cast(BinaryIO, copy)


def _mean_stages(source: Path | BinaryIO, header: Header) -> float:
    """Stages that a frame has on average, counted where they vary."""
    if header.version != VARIABLE or not header.num_frames:
        return float(header.num_stages)
    with ExitStack() as stack:
        file = stack.enter_context(source.open("rb")) if isinstance(source, Path) else source
        file.seek(0)
        count = sum(int((codes >= 0).sum()) for codes in FileReader(file).codes())
    return count / (header.num_channels * header.num_frames)


def _model_name(model_id: bytes) -> str | None:
    """The shipped checkpoint with this identity, if there is one."""
    for path in shipped_checkpoints():
        if _identity(path, path.stat().st_mtime_ns) == model_id:
            return path.stem
    return None


@functools.cache
def _identity(path: Path, changed_ns: int) -> bytes:
    """A checkpoint's identity, hashed once however many files are asked about."""
    return describe_checkpoint(path).model_id


def _text(facts: Facts) -> str:
    lines = _checkpoint_lines(facts) if facts["kind"] == "checkpoint" else _file_lines(facts)
    return "\n".join([facts["path"], *(f"  {name:<11}{value}" for name, value in lines.items())])


def _file_lines(facts: Facts) -> dict[str, str]:
    rates = facts["bitrates_kbps"]
    seconds, size = facts["seconds"], facts["bytes"]
    on_disk = f", {facts['kbps']:.2f} kbps on disk" if seconds else ""
    return {
        "kind": f".nsvq file, version {facts['version']}, all checksums right",
        **({"cut short": facts["warnings"][0]} if facts["warnings"] else {}),
        "recording": f"{seconds:.3f} s ({facts['num_samples']:,} samples), "
        f"{facts['sample_rate']:,} Hz, {_count(facts['num_channels'], 'channel')}",
        "size": f"{size:,} bytes{on_disk}",
        "bitrate": f"{rates[-1]:g} kbps a channel, {_stages(facts)}, "
        f"{facts['frame_rate']:g} frames/s",
        "trims to": ", ".join(f"{rate:g}" for rate in rates[:-1]) + " kbps"
        if len(rates) > 1
        else "nothing smaller",
        "chunks": f"{facts['chunk_seconds']:g} s each",
        "model": f"{facts['model'] or 'not one of those at hand'} ({facts['model_id']})",
        **_said("tags", facts["tags"]),
    }


def _stages(facts: Facts) -> str:
    each = f"of {facts['code_bits']} bits"
    if facts["variable"]:
        return f"variable: {facts['mean_stages']:.2f} stages {each} on average"
    return f"constant: {_count(facts['num_stages'], 'stage')} {each}"


def _checkpoint_lines(facts: Facts) -> dict[str, str]:
    rates = facts["bitrates_kbps"]
    return {
        "kind": f"checkpoint {facts['name']} ({facts['model_id']})",
        "size": f"{facts['num_parameters']:,} parameters, {facts['bytes']:,} bytes",
        "audio": f"{facts['sample_rate']:,} Hz, {facts['frame_rate']:g} frames/s",
        "bitrates": f"{rates[0]:g} to {rates[-1]:g} kbps in {_count(len(rates), 'stage')} of "
        f"{facts['codebook_size']} codewords",
        "delay": f"{facts['delay_ms']:g} ms algorithmic",
        **_said("metadata", facts["metadata"]),
    }


def _said(label: str, words: dict[str, str]) -> dict[str, str]:
    """What the maker wrote into a file, under a label of its own: it is claimed, not found.

    >>> print(_said("tags", {"artist": "Zoë", "title": "Tea\\n"})["tags"])
    artist: Zoë
                 title: Tea
    """
    plain = (f"{name}: {word}" for name, word in sorted(words.items()))
    lines = ["".join(c if c.isprintable() else " " for c in line).strip() for line in plain]
    return {label: f"\n{'':13}".join(lines)} if lines else {}


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
