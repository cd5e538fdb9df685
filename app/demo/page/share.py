"""What the Listen tab plays, as a file that a visitor can pass on."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from app.demo.markup import alert, note
from app.demo.page.listening import Turn, number_cards, playing, tracks
from app.demo.page.standalone import write_comparison
from app.demo.pictures import spectrograms
from app.demo.studio import Clip, Studio, Take, plain_message
from codec.errors import CodecError


def share(studio: Studio, turn: Turn) -> Iterator[tuple[Any, Any]]:
    """Message and download button; what is no longer played when it is done is not offered."""
    shown = turn.shown
    if shown is None:
        yield alert("Play a clip first."), gr.skip()
        return
    yield note("Making a page of both sounds …"), gr.skip()
    try:
        path = _written(studio, *shown)
    except CodecError as error:
        yield alert(plain_message(error)), gr.skip()
        return
    if turn.shown is shown:
        size = f"{path.stat().st_size / 1e6:.1f} MB"
        button = gr.DownloadButton(f"Download the page ({size})", value=str(path), visible=True)
        yield note(playing(shown[0])), button


def _written(studio: Studio, clip: Clip, take: Take) -> Path:
    kbps = f"{take.bitrate_kbps:g} kbps"
    path = studio.shelf.place(f"{clip.stem} {kbps}.html")
    pair = [studio.heard_file(sound) for sound in (clip.original, take.path)]
    write_comparison(
        path,
        f"{clip.name} at {kbps}",
        tracks(clip, take),
        facts=number_cards(clip, take, why="not measured"),
        pictures=spectrograms(pair[0], pair[1], studio.codec.config.sample_rate),
        origin=f"{playing(clip)} Coded by nsvq with the weights {studio.codec.name} "
        f"({studio.codec.model_id.hex()}). Everything on this page is inside this file.",
    )
    return path
