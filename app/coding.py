"""What encode, decode and trim do with one file, and what they tell of it."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.work import Facts, Place, Progress, load_codec
from codec.bitstream import VARIABLE

if TYPE_CHECKING:
    from codec.codec import Codec
    from codec.files import CodedFile


@dataclass(frozen=True)
class Encode:
    """Codes one recording after the other."""

    checkpoint: str
    effort: int
    bitrate: float | None
    stages: int | None
    mono: bool
    force: bool
    backend: str = "numpy"
    device: str = "cpu"
    chunk_s: float | None = None
    tags: bool = False
    vbr: bool = True
    """Not for a wav that comes through a pipe."""
    vbr_asked: bool = False
    """Whether the command line says so: then it is told where the bitrate stays constant."""

    def load(self) -> "Codec":
        """The codec, once it is known to have the bitrate."""
        codec = load_codec(self.checkpoint, self.effort, self.backend, self.device)
        codec.stages_for(self.bitrate, self.stages)
        return codec

    def __call__(self, source: Place, target: Place, progress: Progress) -> Facts:
        """Code a recording."""
        from codec.files import compress_file, record_file
        from codec.wav_stream import WavStream, open_wav_stream

        start = time.perf_counter()
        codec = self.load()
        num_stages = codec.stages_for(self.bitrate, self.stages)
        opened: Place | WavStream = source
        if not isinstance(source, Path) and not source.seekable():
            opened = open_wav_stream(source)
        how: dict[str, Any] = {
            "num_stages": num_stages, "mono": self.mono, "chunk_s": self.chunk_s,
            "tags": self.tags, "force": self.force, "progress": progress,
        }  # fmt: skip
        if isinstance(opened, WavStream):
            coded = record_file(codec, opened, target, **how)
        else:
            coded = compress_file(codec, opened, target, vbr=self.vbr, **how)
        facts = coded_facts(coded)
        facts["notes"] += nearest_note(self.bitrate, codec.config.bitrate_kbps(num_stages))
        if self.vbr_asked and isinstance(opened, WavStream):
            facts["notes"].append(
                "a recording through a pipe is coded at a constant bitrate; --vbr needs a file"
            )
        return {**facts, "elapsed_s": time.perf_counter() - start}


@dataclass(frozen=True)
class Decode:
    """Rebuilds one recording after the other."""

    checkpoint: str
    bitrate: float | None
    stages: int | None
    audio_format: str | None
    force: bool
    backend: str = "numpy"
    device: str = "cpu"

    def load(self) -> "Codec":
        """The codec."""
        return load_codec(self.checkpoint, backend=self.backend, device=self.device)

    def __call__(self, source: Place, target: Place, progress: Progress) -> Facts:
        """Rebuild a recording."""
        from codec.files import decompress_file

        start = time.perf_counter()
        coded = decompress_file(
            self.load(),
            source,
            target,
            bitrate_kbps=self.bitrate,
            num_stages=self.stages,
            format=self.audio_format,
            force=self.force,
            progress=progress,
        )
        used = coded.header.held_stages(self.bitrate, self.stages)
        facts = coded_facts(coded)
        facts["notes"] += nearest_note(self.bitrate, coded.header.bitrate_kbps(used))
        return {**facts, "used_stages": used, "elapsed_s": time.perf_counter() - start}


@dataclass(frozen=True)
class Trim:
    """Cuts one file after the other."""

    bitrate: float | None
    stages: int | None
    force: bool

    def load(self) -> None:
        """Nothing is needed: the network stays out of it."""

    def __call__(self, source: Place, target: Place, progress: Progress) -> Facts:
        """Cut a file."""
        from codec.files import trim_path

        coded = trim_path(
            source, target, bitrate_kbps=self.bitrate, num_stages=self.stages, force=self.force
        )
        facts = coded_facts(coded)
        facts["notes"] += nearest_note(self.bitrate, coded.header.bitrate_kbps())
        return facts


def coded_facts(coded: "CodedFile") -> Facts:
    """What to tell about a .nsvq file."""
    header = coded.header
    return {
        "seconds": header.seconds,
        "sample_rate": header.sample_rate,
        "num_channels": header.num_channels,
        "num_samples": header.num_samples,
        "num_stages": header.num_stages,
        "variable": header.version == VARIABLE,
        "nominal_kbps": header.bitrate_kbps(),
        "coded_bytes": coded.num_bytes,
        "coded_kbps": coded.bitrate_kbps,
        "notes": list(coded.warnings),
    }


def coded_line(facts: Facts) -> str:
    """`coded_facts` as a line of text: what the file really takes, and what channels cost."""
    channels = facts["num_channels"]
    each = f" ({channels} channels, each coded at the full bitrate)" if channels > 1 else ""
    mean = " on average" if facts["variable"] else ""
    return (
        f"{facts['input']} -> {facts['output']}: {facts['seconds']:.2f} s, "
        f"{facts['coded_bytes']:,} bytes, {facts['coded_kbps']:.2f} kbps{mean}{each}"
    )


def nearest_note(asked_kbps: float | None, taken_kbps: float) -> list[str]:
    """A line that says that another bitrate was taken than the one asked for; none if it wasn't.

    >>> nearest_note(1.0, 0.9), nearest_note(None, 0.9)
    (['1 kbps is not on offer; using 0.9 kbps'], [])
    """
    if asked_kbps is None or abs(asked_kbps - taken_kbps) < 1e-6:
        return []
    return [f"{asked_kbps:g} kbps is not on offer; using {taken_kbps:g} kbps"]
