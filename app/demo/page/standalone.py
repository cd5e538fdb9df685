"""A comparison as one HTML page to pass on: its sounds, player and pictures are all inside."""

import base64
import json
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from string import Template
from tempfile import TemporaryFile
from typing import BinaryIO

from app.demo.gate import script_hashes
from app.demo.page.player import ASSETS, Track
from codec.audio import open_audio, write_blocks
from codec.output import new_file

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; connect-src data:; script-src{}"
)
"""For the page made: it asks nobody for anything, and runs no script but its own."""
SCRIPT = """
const dark = matchMedia("(prefers-color-scheme: dark)");
const colour = () => document.body.classList.toggle("dark", dark.matches);
dark.addEventListener("change", colour);
colour();
{
  const element = document.getElementById("player"), watch = () => {};
  const tracks_ = JSON.parse(document.getElementById("tracks").textContent);
  const props = { value: { tracks: tracks_, active: tracks_.length - 1 } };
  (() => { %s })();
}
"""
MOST_FLAC_HZ, MOST_FLAC_CHANNELS = 655_350, 8
_READ_BYTES = 3 << 20
"""A multiple of three, so that pieces in base 64 can be put together."""


def write_comparison(
    path: Path,
    title: str,
    tracks: Sequence[Track],
    *,
    facts: str = "",
    pictures: str = "",
    origin: str = "",
) -> None:
    """Write a page that plays `tracks`, the last of them first; nothing of it is left if it fails.

    Args:
        facts: HTML under the player.
        pictures: HTML below that.
        origin: where the page is from.

    Raises:
        OutputError: the page can't be written.
        AudioError: a sound can't be read.
    """
    script = SCRIPT % (ASSETS / "player.js").read_text(encoding="utf-8")
    player = (ASSETS / "player.html").read_text(encoding="utf-8")
    values = {
        "policy": POLICY.format(script_hashes(f"<script>{script}</script>".encode())),
        "title": escape(title),
        "style": (ASSETS / "page.css").read_text(encoding="utf-8"),
        "player": player.replace("${label}", escape(title)),
        "facts": facts,
        "pictures": pictures,
        "origin": escape(origin),
        "script": script,
    }
    template = (ASSETS / "share.html").read_text(encoding="utf-8")
    head, tail = (Template(part).substitute(values) for part in template.split("$tracks"))
    with new_file(path) as file:
        file.write(head.encode())
        for part in _tracks(tracks):
            file.write(part)
        file.write(tail.encode())


def _tracks(tracks: Sequence[Track]) -> Iterator[bytes]:
    """A JSON list in pieces; it can't end the script element that it stands in."""
    for index, track in enumerate(tracks):
        words = json.dumps({"name": track.name, "note": track.note}).replace("<", "\\u003c")
        yield (",\n" if index else "[").encode() + words[:-1].encode() + b', "file": {"url": "'
        yield from _data_address(track.path)
        yield b'"}}'
    yield b"]"


def _data_address(path: Path) -> Iterator[bytes]:
    """A 16-bit WAV as an address that holds it: as FLAC, where that can be."""
    with open_audio(path) as reader, TemporaryFile() as small:
        info = reader.info
        if info.sample_rate > MOST_FLAC_HZ or info.channels > MOST_FLAC_CHANNELS:
            with path.open("rb") as file:
                yield from _in_base64("audio/wav", file)
            return
        shape = (info.channels, info.num_samples)
        write_blocks(small, reader.blocks(), info.sample_rate, shape, "flac")
        small.seek(0)
        yield from _in_base64("audio/flac", small)


def _in_base64(kind: str, file: BinaryIO) -> Iterator[bytes]:
    yield f"data:{kind};base64,".encode()
    while part := file.read(_READ_BYTES):
        yield base64.b64encode(part)
