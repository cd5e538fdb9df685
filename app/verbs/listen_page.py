"""`nsvq listen-page`: a folder that plays codecs beside each other, for any browser."""

import hashlib
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.options import comma_numbers
from app.scoring import decoded_folders
from codec.temporary import TemporaryFolder

if TYPE_CHECKING:
    import numpy as np

    from training.evaluation.report.listening_waves import Column
    from training.evaluation.systems.folders import DecodedFolder

TEMPLATE = Path(__file__).parents[1] / "listen_page.html"
AUDIO_NAME = re.compile(r"[0-9a-f]{16}\.flac")
PLACE = "/*DATA*/null"
"""Stands in the template where the page's clips and columns go."""
OURS = 'const page = {"title": '
"""Stands in every page that was made here."""


@click.command()
@click.argument("clips", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder to make: index.html and audio/.",
)
@click.option(
    "--checkpoint",
    default="default",
    show_default=True,
    metavar="[NAME=]FILE[@EFFORT][@cbr]",
    help="Weights to hear; 'none' for other codecs alone.",
)
@click.option(
    "--rates",
    "rates_kbps",
    callback=comma_numbers,
    default="1.5,3,6",
    show_default=True,
    metavar="KBPS,...",
    help="Bitrates of the checkpoint.",
)
@click.option(
    "--decoded",
    callback=decoded_folders,
    multiple=True,
    metavar="NAME@KBPS=DIR",
    help="Clips that another codec decoded, named like the originals; may be repeated.",
)
@click.option(
    "--longest", default=8.0, show_default=True, metavar="S", help="Seconds taken of each clip."
)
@click.option("--title", default="Speech codecs to compare", show_default=True)
@click.option("--force", is_flag=True, help="Replace a page that is there.")
def command(clips: Path, output: Path, checkpoint: str, force: bool, **options: Any) -> None:
    """Write a page with one row a recording and one column a codec, to hear them side by side.

    It is a folder of files that needs no server and loads nothing from elsewhere. On request it
    shuffles the codecs and hides their names until they are revealed.

    \b
    nsvq listen-page CLIPS -o listen --rates 1.5,3,6 --decoded lyra@6=DIR
    """
    if output.exists() and not force:
        raise click.ClickException(f"{output}: exists; --force replaces it")
    _check_replaced(output, [clips, *(folder.folder for folder in options["decoded"])])
    if not options["longest"] > 0.0:
        raise click.BadParameter("expected seconds above zero", param_hint="--longest")
    from training.evaluation.clips import find_clips
    from training.evaluation.report.listening_waves import columns
    from training.evaluation.systems.system import checkpoint_system

    found_clips = find_clips(clips)
    names = [] if checkpoint == "none" else [checkpoint]
    ours = [checkpoint_system(name, options["rates_kbps"]) for name in names]
    folders: tuple[DecodedFolder, ...] = options["decoded"]
    found = columns(ours, folders, found_clips)
    if not found:
        raise click.UsageError("nothing to hear beside the originals; give --decoded folders")
    output.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryFolder("listen", output.parent) as folder:
        lines = _write_audio(folder, found_clips, found, options["longest"])
        _write_page(folder, options["title"], found, lines)
        _move(folder, output)
    num_bytes = sum(path.stat().st_size for path in output.rglob("*") if path.is_file())
    click.echo(f"{output / 'index.html'}: {len(lines)} clips, {len(found)} systems and the "
               f"originals, {num_bytes / 1e6:.1f} MB")  # fmt: skip


def _write_audio(
    folder: Path, clips: "list[Any]", found: "list[Column]", longest_s: float
) -> list[dict[str, Any]]:
    """FLAC files whose names tell no system, and the page's rows."""
    from training.evaluation.clips import SAMPLE_RATE
    from training.evaluation.report.listening_waves import rows

    (folder / "audio").mkdir()
    lines = []
    for clip, waves in rows(clips, found, longest_s):
        files = [_write_wave(folder, wave) for wave in waves]
        if missing := files.count(None):
            click.echo(f"nsvq: {clip.name} is not decoded by {missing} systems", err=True)
        seconds = 0.0 if waves[0] is None else len(waves[0]) / SAMPLE_RATE
        lines.append({"name": clip.name, "seconds": round(seconds, 2), "files": files})
    return lines


def _write_wave(folder: Path, wave: "np.ndarray | None") -> str | None:
    from codec.audio import write_audio
    from training.evaluation.clips import SAMPLE_RATE

    if wave is None:
        return None
    name = f"audio/{hashlib.sha256(wave.tobytes()).hexdigest()[:16]}.flac"
    write_audio(folder / name, wave[None] / 32768.0, SAMPLE_RATE, "flac")
    return name


def _write_page(
    folder: Path, title: str, found: "list[Column]", lines: list[dict[str, Any]]
) -> None:
    names = ["original", *(f"{column.name} {column.kbps:g} kbps" for column in found)]
    data = json.dumps({"title": title, "columns": names, "rows": lines}, ensure_ascii=False)
    text = TEMPLATE.read_text(encoding="utf-8").replace(PLACE, data.replace("<", "\\u003c"))
    (folder / "index.html").write_text(text, encoding="utf-8")


def _check_replaced(output: Path, sources: Sequence[Path]) -> None:
    """Refuse to replace anything but an earlier page, or one that is made from itself."""
    page, audio = output / "index.html", output / "audio"
    if page.exists():
        try:
            ours = OURS in page.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise click.ClickException(f"{page}: can't be read ({error.strerror})") from error
        if not ours:
            raise click.ClickException(f"{page}: is not a page of listen-page; choose another -o")
    if os.path.lexists(audio) and not (page.exists() and audio.is_dir()):
        raise click.ClickException(f"{audio}: is not of a page; choose another -o")
    for source in sources:
        if source.resolve().is_relative_to(audio.resolve()):
            raise click.ClickException(f"{source}: is of the page itself; choose another -o")


def _move(made: Path, output: Path) -> None:
    """Put the finished page in place of an earlier one; other files there are left alone."""
    audio = output / "audio"
    audio.mkdir(parents=True, exist_ok=True)
    new = {path.name for path in (made / "audio").iterdir()}
    for name in new:
        (made / "audio" / name).replace(audio / name)
    (made / "index.html").replace(output / "index.html")
    for path in list(audio.iterdir()):
        if AUDIO_NAME.fullmatch(path.name) and path.name not in new:
            path.unlink()
