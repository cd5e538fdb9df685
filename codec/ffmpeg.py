"""Recordings that libsndfile can't read, through the program ffmpeg where it is installed.

ffmpeg only ever gets a path to a local file, of a container on the list below (no playlists, which
could name other files or addresses), a time in which it must be done, and a bound on what it
writes: a file of a few MB can hold days of silence.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from codec.errors import AudioError
from codec.formats import FFMPEG, suffix_of
from codec.temporary import TemporaryFolder

TIMEOUT_S = 600.0
"""Seconds after which ffmpeg is stopped."""
MOST_COMPLAINTS = 3
_MARGIN_S, _MARGIN_BYTES = 1.0, 65_536
"""ffmpeg stops so far behind the bound: what gets there is too long, not just as long."""
_PART = re.compile(r"^(\[[^\]]* @ 0x[0-9a-f]+\]\s*)+")
_CONTAINERS = "mov,matroska,asf,aac,amr,ac3,ape,wv,tta,mpc,mpc8,ogg,dts"


@dataclass(frozen=True)
class Bound:
    """The most that ffmpeg may make of one recording: it stops there, and the recording is refused.

    Bytes bound channels × samples, and with them the room on the disk.
    """

    duration_s: float = 86_400.0
    """Seconds of sound."""
    num_bytes: int = 40_000_000_000
    """All channels as 32-bit floats: a day of 48 kHz stereo has 33 GB."""

    def check_duration(self, path: str | Path, duration_s: float) -> None:
        """Raises AudioError for more seconds."""
        if duration_s > self.duration_s:
            raise AudioError(
                f"{path}: lasts more than {self.duration_s / 60.0:g} minutes, the most that is "
                "converted by ffmpeg here; cut it into parts"
            )

    def check_bytes(self, path: str | Path, num_bytes: int) -> None:
        """Raises AudioError for a wav file of as many bytes as ffmpeg stops at, or more."""
        if num_bytes >= self.num_bytes + _MARGIN_BYTES:
            raise AudioError(
                f"{path}: all its channels take more than {self.num_bytes / 1e6:,.1f} MB as 32-bit "
                "floats, the most that is converted by ffmpeg here; cut it into parts"
            )

    @property
    def options(self) -> tuple[str, ...]:
        """What to tell ffmpeg of it."""
        seconds, num_bytes = self.duration_s + _MARGIN_S, self.num_bytes + _MARGIN_BYTES
        return "-t", f"{seconds:.3f}", "-fs", str(num_bytes)


BOUND = Bound()
"""What holds unless a caller says otherwise."""


def have_ffmpeg() -> bool:
    """Whether the program is here."""
    return shutil.which("ffmpeg") is not None


def needs_missing_ffmpeg(path: str | Path) -> bool:
    """Whether only ffmpeg could read it, and ffmpeg isn't here."""
    return suffix_of(path) in FFMPEG and not have_ffmpeg()


def missing_ffmpeg(path: str | Path) -> str:
    """What to say of a recording that only ffmpeg could read."""
    return f"{path}: reading {suffix_of(path)} needs the program ffmpeg, which is not installed"


@contextmanager
def converted(path: str | Path, bound: Bound = BOUND) -> Iterator[tuple[BinaryIO, str]]:
    """The first sound track of the file at `path`, as an open wav file of 32-bit floats.

    With it, what ffmpeg complained of and read on: most files that are cut short are such. Whoever
    opens it checks its duration (`Bound.check_duration`): one too long ends behind the bound.

    Raises:
        AudioError: no ffmpeg, a file it can't read, without sound, that takes it too long or gets
            too large.
    """
    if not have_ffmpeg():
        raise AudioError(missing_ffmpeg(path))
    with TemporaryFolder("ffmpeg") as folder:
        target = folder / "sound.wav"
        complaints = _run(path, target, bound)
        bound.check_bytes(path, target.stat().st_size)
        with target.open("rb") as file:
            yield file, complaints


def _run(path: str | Path, target: Path, bound: Bound) -> str:
    command = [
        "ffmpeg", "-nostdin", "-v", "error", "-protocol_whitelist", "file",
        "-format_whitelist", _CONTAINERS, "-i", f"file:{Path(path).absolute()}",
        "-map", "0:a:0", "-c:a", "pcm_f32le", *bound.options,
        "-rf64", "auto", "-f", "wav", f"file:{target}",
    ]  # fmt: skip
    try:
        result = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise AudioError(f"{path}: ffmpeg took more than {TIMEOUT_S:g} s to read it") from error
    except OSError as error:
        raise AudioError(f"{path}: ffmpeg can't be run ({error.strerror})") from error
    lines = result.stderr.decode(errors="replace").strip().splitlines()
    if result.returncode or not target.is_file():
        reason = lines[-1].rpartition(": ")[2] if lines else f"exit code {result.returncode}"
        raise AudioError(f"{path}: ffmpeg can't read it ({reason})")
    return _complaints(lines)


def _complaints(lines: Sequence[str]) -> str:
    """Each line once, without ffmpeg's addresses in memory; those beyond the first few counted."""
    bare = (_PART.sub("", line).strip() for line in lines)
    found = list(dict.fromkeys(line for line in bare if line))
    more = len(found) - MOST_COMPLAINTS
    shown = found[:MOST_COMPLAINTS] + ([f"and {more} more such lines"] if more > 0 else [])
    return "".join(c for c in "; ".join(shown) if c.isprintable())
