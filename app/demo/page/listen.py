"""The Listen tab: one clip, one bitrate, original and decoded on one clock.

Three steps, so that sound comes first: decode and play; then scores and spectrograms; then the
curve over stages. A new rate cancels what is still running of the last two. A `Turn` tells late
answers from those that still belong to what is on the page.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from app.demo.examples import EXAMPLES
from app.demo.markup import note
from app.demo.page.listening import Listening, Turn
from app.demo.page.player import player
from app.demo.page.share import share
from app.demo.studio import Studio

START_KBPS = 6.0
MEAN = "The mean: speech gets more, pauses less. The highest one is constant."


@dataclass
class _Parts:
    """The components that events touch."""

    picker: gr.Audio
    examples: list[gr.Button]
    cancel: gr.Button
    message: gr.HTML
    slider: gr.Slider
    sound: gr.HTML
    numbers: gr.HTML
    files: list[gr.DownloadButton]
    share: gr.Button
    picture: gr.HTML
    stages: gr.HTML


def build(page: gr.Blocks, studio: Studio, clip: gr.State) -> gr.Audio:
    """Lay out the tab and wire it; where clips come from, for others to hear when it is cleared."""
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            picker = gr.Audio(
                sources=["upload", "microphone"],
                type="filepath",
                buttons=[],
                label="Your clip: drop a file or record",
                elem_id="picker",
            )
            gr.HTML(
                note(
                    f"wav, flac, ogg or mp3, up to {studio.settings.max_minutes:g} minutes. "
                    "Or an example:"
                )
            )
            with gr.Row(elem_id="examples"):
                examples = [
                    gr.Button(example.title, size="sm", min_width=120) for example in EXAMPLES
                ]
            message = gr.HTML(elem_id="message")
            cancel = gr.Button("Cancel", size="sm", elem_id="cancel", visible=False)
        with gr.Column(scale=2, min_width=320):
            sound = player("Original and decoded", "listen-player")
            slider = bitrate_slider(studio, "bitrate", MEAN)
            numbers = gr.HTML(elem_id="numbers")
            with gr.Row():
                files = [
                    gr.DownloadButton(
                        f"Download {kind}",
                        size="sm",
                        interactive=False,
                        elem_id=f"get-{kind[-4:].strip('.')}",
                    )
                    for kind in (".nsvq", "decoded .wav")
                ]
            with gr.Row():
                sharing = gr.Button("Make a page to share (.html)", size="sm", elem_id="share")
                ready = gr.DownloadButton("", size="sm", visible=False, elem_id="get-page")
    with gr.Row():
        with gr.Column(min_width=320):
            picture = gr.HTML(elem_id="spectrograms")
        with gr.Column(min_width=320):
            stages = gr.HTML(elem_id="stages")
    files.append(ready)
    looks = (picture, stages)
    parts = _Parts(
        picker, examples, cancel, message, slider, sound, numbers, files, sharing, *looks
    )
    _wire(page, studio, clip, parts)
    return picker


def bitrate_slider(studio: Studio, elem_id: str, info: str | None = None) -> gr.Slider:
    """A slider over the rates on offer, in kbps; `info` is written beside it."""
    rates = studio.rates_kbps
    step = rates[1] - rates[0] if len(rates) > 1 else rates[0]
    start = max((rate for rate in rates if rate <= START_KBPS), default=rates[0])
    return gr.Slider(
        rates[0],
        rates[-1],
        value=start,
        step=step,
        elem_id=elem_id,
        buttons=[],
        label="Bitrate (kbps)",
        info=info,
    )


def _wire(page: gr.Blocks, studio: Studio, clip: gr.State, parts: _Parts) -> None:
    tab = Listening(studio)
    turn = gr.State(Turn())
    shown = [parts.message, clip, parts.sound, parts.numbers, *parts.files, parts.cancel]
    shown += [parts.picture, parts.stages]
    quick: dict[str, Any] = {
        "outputs": shown,
        "concurrency_id": "sound",
        "api_visibility": "private",
        "concurrency_limit": studio.settings.concurrency,
        "show_progress_on": parts.message,
    }
    starts = [
        page.load(partial(tab.open_example, 0), [turn, parts.slider], **quick),
        parts.picker.change(
            tab.open_upload, [turn, parts.picker, parts.slider], trigger_mode="always_last", **quick
        ),
    ]
    starts += [
        button.click(partial(tab.open_example, index), [turn, parts.slider], **quick)
        for index, button in enumerate(parts.examples)
    ]
    later = [event for start in starts for event in _follow(start, tab, turn, parts)]
    moved = parts.slider.change(
        tab.change_rate, [turn, parts.slider], cancels=later, trigger_mode="always_last", **quick
    )
    later += _follow(moved, tab, turn, parts)
    at_once: dict[str, Any] = {
        "cancels": [*starts, moved, *later],
        "queue": False,
        "api_visibility": "private",
    }
    parts.share.click(
        partial(share, studio),
        turn,
        [parts.message, parts.files[-1]],
        concurrency_id="sound",
        api_visibility="private",
        concurrency_limit=studio.settings.concurrency,
        show_progress_on=parts.message,
    )
    parts.cancel.click(tab.cancel, turn, [parts.message, parts.cancel], **at_once)
    parts.picker.clear(tab.clear, turn, shown, **at_once).then(
        tab.stay_clear,
        turn,
        shown,
        api_visibility="private",
        show_progress="hidden",
        concurrency_limit=None,
    )


def _follow(event: Any, tab: Listening, turn: gr.State, parts: _Parts) -> list[Any]:
    """After the sound: scores and spectrograms, then the stages."""
    slow: dict[str, Any] = {
        "concurrency_id": "scores",
        "api_visibility": "private",
        "show_progress": "hidden",
        "concurrency_limit": tab.studio.settings.concurrency,
    }
    looks = event.then(tab.look, turn, [parts.numbers, parts.picture], **slow)
    return [looks, looks.then(tab.compare_stages, turn, parts.stages, **slow)]
