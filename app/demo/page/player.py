"""The player component: several versions of a clip on one clock, one audible at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

ASSETS = Path(__file__).parents[1] / "assets"


@dataclass(frozen=True)
class Track:
    """One row of the player."""

    name: str
    note: str
    path: Path


def player(label: str, elem_id: str) -> gr.HTML:
    """An empty player; give it `player_value(...)`."""
    return gr.HTML(
        value=None,
        label=label,
        html_template=(ASSETS / "player.html").read_text(encoding="utf-8"),
        elem_id=elem_id,
        js_on_load=(ASSETS / "player.js").read_text(encoding="utf-8"),
        apply_default_css=False,
    )


def player_value(
    tracks: Sequence[Track], *, waveforms: bool = True, active: int = 0, keep: bool = True
) -> dict[str, Any]:
    """What a player shows.

    Args:
        waveforms: draw each track; off in blind trials, where a picture gives the answer away.
        active: the track heard first.
        keep: stay at the same place and track if the number of tracks hasn't changed.
    """
    rows = [{"name": track.name, "note": track.note, "file": _file(track.path)} for track in tracks]
    return {"tracks": rows, "waveforms": waveforms, "active": active, "keep": keep}


def _file(path: Path) -> dict[str, Any]:
    """Gradio turns this into an address under which the browser finds the file."""
    return {"path": str(path), "orig_name": path.name, "meta": {"_type": "gradio.FileData"}}
