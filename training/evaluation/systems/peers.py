"""Other codecs as command lines: data only, one line of `PEERS` each.

A command's words may hold `{in}` (the reference), `{code}` (the coded file), `{out}` (what came
back), `{kbps}`, `{bps}` and `{mode}` (the peer's own name for the bitrate).
"""

import functools
import hashlib
import math
import os
import re
import shlex
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from codec.errors import EvaluationError
from training.evaluation.plugins import is_plugin, load_plugin
from training.evaluation.systems import ogg
from training.evaluation.systems.programs import output_of


@dataclass(frozen=True)
class Peer:
    """A codec run from the command line."""

    encode: str
    """Command that turns `{in}` into `{code}`."""
    decode: str
    """Command that turns `{code}` into `{out}`."""
    rates_kbps: tuple[float, ...]
    """Bitrates to try when none are asked for."""
    package: str = ""
    """Where its programs come from, for the line that says they are missing."""
    sample_rate: int = 16_000
    """Hz of `{in}` and `{out}`."""
    raw: bool = False
    """Whether `{in}` and `{out}` are 16-bit samples without a header rather than WAV."""
    suffix: str = ".bin"
    """Ending of `{code}`."""
    modes: Mapping[float, str] = field(default_factory=dict)
    """`{mode}` by kbps where it is not the bits per second."""
    payload: Callable[[bytes], int] = len
    """Bytes of a coded file without its container."""
    delay_ms: float = math.nan
    """Algorithmic delay as published: a frame and the lookahead."""
    version_command: str = ""
    """Command whose output's first line names the decoder's version."""
    probe: tuple[str, str] = ("", "")
    """A command and a word its output must hold, for programs that may be built without the codec.
    """

    def command(self, template: str, kbps: float, files: Mapping[str, str]) -> list[str]:
        """The words of `template` with everything filled in."""
        bps = f"{1000 * kbps:.0f}"
        values = {"kbps": f"{kbps:g}", "bps": bps, "mode": self.modes.get(kbps, bps), **files}
        try:
            return [word.format_map(values) for word in shlex.split(template)]
        except (KeyError, IndexError, ValueError) as error:
            raise EvaluationError(
                f"peer command {template!r}: unknown placeholder {error}; known: "
                f"{', '.join(f'{{{name}}}' for name in values)}"
            ) from error

    @property
    def programs(self) -> list[str]:
        """Programs its two commands start with."""
        return [shlex.split(part)[0] for part in (self.encode, self.decode)]

    def missing(self) -> str:
        """Why it can't run here, in one line; empty if it can."""
        absent = sorted({name for name in self.programs if shutil.which(name) is None})
        if absent:
            source = f" (Debian: apt install {self.package})" if self.package else ""
            return f"{', '.join(absent)} not found{source}"
        command, word = self.probe
        if command and word not in output_of(command):
            return f"{self.programs[0]} is built without {word}"
        return ""

    def version(self) -> str:
        """The decoder's version in its own words; empty if it has none."""
        lines = output_of(self.version_command).splitlines() if self.version_command else []
        return next((line.strip() for line in lines if line.strip()), "")

    def identity(self) -> str:
        """A hash over its commands, their programs and scripts: what cached scores hang on."""
        modes = sorted(self.modes.items())
        settings = (self.sample_rate, self.raw, self.suffix, self.payload.__name__, modes)
        return _identity(self.encode, self.decode, repr(settings))


def parse_peer(text: str) -> tuple[str, Peer]:
    """Name and peer of `name=encode command ; decode command` or `[name=]package.module:NAME`.

    >>> name, peer = parse_peer("copy=cp {in} {code} ; cp {code} {out}")
    >>> name, peer.command(peer.encode, 6, {"in": "a.wav", "code": "b", "out": "c.wav"})
    ('copy', ['cp', 'a.wav', 'b'])

    Raises:
        EvaluationError: not of that form, or `{in}`, `{code}` or `{out}` is missing.
    """
    match = re.fullmatch(r"\s*([\w.+-]+)\s*=(.+)", text)
    source = (match[2] if match else text).strip()
    if is_plugin(source):
        return match[1] if match else source.rpartition(":")[2].lower(), _plugin(source)
    commands = _split_commands(match[2]) if match else None
    if not match or not commands:
        raise EvaluationError(
            f"peer {text!r} should read 'name=encode command ; decode command'"
            " or package.module:NAME"
        )
    name, (encode, decode) = match[1], commands
    if not ("{in}" in encode and "{code}" in encode and "{code}" in decode and "{out}" in decode):
        raise EvaluationError(
            f"peer {name!r}: its commands must name {{in}} and {{code}}, then {{code}} and {{out}}"
        )
    return name, Peer(encode, decode, rates_kbps=())


def _plugin(source: str) -> Peer:
    found = load_plugin(source)
    if not isinstance(found, Peer):
        raise EvaluationError(f"peer {source}: is a {type(found).__name__}, not a Peer")
    return found


def _split_commands(text: str) -> tuple[str, str] | None:
    """What stands before and behind the first semicolon that is not inside quotes."""
    for match in re.finditer(";", text):
        halves = text[: match.start()].strip(), text[match.end() :].strip()
        try:
            if all(shlex.split(half) for half in halves):
                return halves
        except ValueError:  # a quotation mark without its other one
            continue
    return None


def amr_payload_bytes(data: bytes) -> int:
    """Bytes after the first line, `#!AMR-WB` (RFC 4867, 5.1)."""
    return len(data.partition(b"\n")[2])


@functools.cache
def _identity(encode: str, decode: str, settings: str) -> str:
    digest = hashlib.sha256(repr((encode, decode, settings)).encode())
    for command in (encode, decode):
        words = shlex.split(command)
        program = shutil.which(words[0]) or words[0]
        digest.update(output_of(f"{shlex.quote(program)} --version").encode())  # names libraries
        for word in (program, *words[1:]):
            if os.path.isfile(word):  # noqa: PTH113 (a word may be too long for a path)
                digest.update(Path(word).read_bytes())  # the program, an interpreter's script
    return digest.hexdigest()


PEERS: dict[str, Peer] = {
    "opus": Peer(
        "opusenc --quiet --speech --vbr --comp 10 --bitrate {kbps} {in} {code}",
        "opusdec --quiet --rate 16000 {code} {out}",
        (6, 8, 9, 10, 12, 16, 24),
        "opus-tools",
        suffix=".opus",
        payload=ogg.payload_bytes,
        delay_ms=26.5,  # RFC 6716, 2: 20 ms and 6.5 ms
        version_command="opusdec --version",
    ),
    "speex": Peer(
        "speexenc --wideband --comp 10 --bitrate {bps} {in} {code}",
        "speexdec {code} {out}",
        (4, 8, 10, 13),
        "speex",
        suffix=".spx",
        payload=ogg.payload_bytes,
        delay_ms=34.0,  # Speex manual: wide band
        version_command="speexdec --version",
    ),
    "codec2": Peer(
        "c2enc {mode} {in} {code}",
        "c2dec {mode} {code} {out}",
        (0.7, 1.2, 1.6, 2.4, 3.2),
        "codec2",
        sample_rate=8_000,
        raw=True,
        modes={0.7: "700C"},
    ),
    "amr-wb": Peer(
        "ffmpeg -v error -y -i {in} -c:a libvo_amrwbenc -b:a {bps} {code}",
        "ffmpeg -v error -y -i {code} -ar 16000 -ac 1 {out}",
        (6.6, 8.85, 12.65, 15.85, 23.85),
        "ffmpeg",
        suffix=".awb",
        payload=amr_payload_bytes,
        delay_ms=25.0,  # 3GPP TS 26.190: 20 ms and 5 ms
        probe=("ffmpeg -hide_banner -encoders", "libvo_amrwbenc"),
    ),
}
"""Every peer by the name that `--peers` uses."""
