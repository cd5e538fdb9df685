"""How far small uploads make a demo's memory grow, measured in a process of its own.

    python tests/app/demo/budget.py               prints the growth with the shipped weights
    python tests/app/demo/budget.py CHECKPOINT

Each upload goes through all that a visitor can ask for. Growth is the peak of resident memory
meanwhile
over what the demo, which has coded one example, held before. Linux only.
"""

import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np

MB = 1_000_000
BLOCK = 65_536


def silence(path: Path, sample_rate: int, num_channels: int, seconds: float) -> Path:
    """A FLAC of nothing, written in blocks."""
    from codec.audio import write_blocks

    num_samples = int(seconds * sample_rate)
    lengths = [BLOCK] * (num_samples // BLOCK) + [num_samples % BLOCK]
    blocks = (np.zeros((num_channels, length), np.float32) for length in lengths)
    with path.open("wb") as file:
        write_blocks(file, blocks, sample_rate, (num_channels, num_samples), "flac")
    return path


def claim(path: Path, model: object, sample_rate: int, num_channels: int, seconds: float) -> Path:
    """A sound .nsvq file, one stage, that decodes to so much."""
    from dataclasses import replace

    from codec import Codec
    from codec.bitstream import pack_file

    assert isinstance(model, Codec)
    header = model.header(sample_rate, num_channels, 1)
    header = replace(header, num_samples=int(seconds * sample_rate))
    path.write_bytes(pack_file(header, np.zeros((num_channels, 1, header.num_frames), np.int64)))
    return path


def listen(studio: object, path: Path) -> str:
    """All that the Listen, Compare and Call tabs do with a recording."""
    from app.demo.conversation import Call, calling, sent_wave
    from app.demo.page.listening import Listening, Turn
    from app.demo.studio import finish
    from app.demo.versions import ORIGINAL, make_version

    room = Listening(studio)  # type: ignore[arg-type]
    turn = Turn()
    list(room.open_upload(turn, str(path), studio.rates_kbps[-1]))  # type: ignore[attr-defined]
    if turn.shown is None:
        return "refused"
    clip, _ = turn.shown
    list(room.look(turn))
    for name in (ORIGINAL, f"{studio.rates_kbps[0]:g} kbps"):  # type: ignore[attr-defined]
        make_version(studio, clip, name).measure(studio, clip)  # type: ignore[arg-type]
    sent = sent_wave(studio, clip.original)  # type: ignore[arg-type]
    target = studio.shelf.place("call.wav")  # type: ignore[attr-defined]
    finish(calling(studio, sent, Call(studio.rates_kbps[0]), target))  # type: ignore[arg-type, attr-defined]
    return "taken"


def files(studio: object, path: Path) -> str:
    """The Files tab's work on a .nsvq file."""
    from app.demo.bundles import decode_one

    result = decode_one(studio, path, None)  # type: ignore[arg-type]
    return "refused" if result.output is None else "taken"


def cases(studio: object, folder: Path) -> Iterator[tuple[str, Callable[[], str]]]:
    """Name and work of each upload."""
    code = studio.codec  # type: ignore[attr-defined]
    for seconds in (4.6, 30.0):
        path = claim(folder / f"{seconds:g}.nsvq", code, 768_000, 8, seconds)
        yield (
            f".nsvq of {path.stat().st_size:,} bytes, 8 x 768 kHz, {seconds:g} s",
            partial(files, studio, path),
        )
    for rate, channels, seconds in ((655_350, 8, 5.4), (655_350, 8, 20.0), (48_000, 2, 299.0)):
        path = silence(folder / f"{rate}-{seconds:g}.flac", rate, channels, seconds)
        size = path.stat().st_size
        yield (
            f"FLAC of {size:,} bytes, {channels} x {rate} Hz, {seconds:g} s",
            partial(listen, studio, path),
        )


def memory_mb(field: str) -> float:
    """Resident memory of this process: VmRSS is now, VmHWM the most since `forget_peak`."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024 / MB


def forget_peak() -> None:
    """Make the peak the present; where that isn't allowed, peaks are those of the whole run."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def main() -> None:
    """Print outcome, growth in MB and upload, one a line."""
    from app.demo.examples import EXAMPLES
    from app.demo.settings import DemoSettings
    from app.demo.shelf import Shelf
    from app.demo.studio import Studio
    from codec import Codec

    shelf = Shelf(keep_s=3600)
    studio = Studio(Codec.load(*sys.argv[1:2]), shelf, DemoSettings())
    try:
        listen(studio, EXAMPLES[0].path)
        with tempfile.TemporaryDirectory() as folder:
            for name, work in cases(studio, Path(folder)):
                forget_peak()
                before = memory_mb("VmRSS")
                outcome = work()
                print(f"{outcome}\t{memory_mb('VmHWM') - before:.0f}\t{name}", flush=True)
    finally:
        studio.close()
        shelf.close()


if __name__ == "__main__":
    main()
