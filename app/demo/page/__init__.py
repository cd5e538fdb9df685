"""The page: a header, six tabs and the API. Only here and in `server` is Gradio imported."""

import gradio as gr

from app.demo.blind import VoteBook
from app.demo.calls import NumberInput
from app.demo.opus import opus_installed
from app.demo.page import about, api, call, compare, evaluate, files, listen, trial
from app.demo.page.theme import HEADER, SCHEME, build_theme
from app.demo.studio import Studio

__all__ = ["build_page", "build_theme", "number_inputs"]

STATE_CAPACITY_S = 3600.0


def build_page(studio: Studio) -> gr.Blocks:
    """All tabs around one studio."""
    settings = studio.settings
    with gr.Blocks(title="nsvq listening room", analytics_enabled=False) as page:
        gr.HTML(HEADER, apply_default_css=False, js_on_load=SCHEME)
        api.build(studio)  # first, so that no other event takes the documented names
        clip = gr.State(None, time_to_live=STATE_CAPACITY_S)
        with gr.Tabs(overflow_behavior="wrap"):
            with gr.Tab("Listen", id="listen"):
                picker = listen.build(page, studio, clip)
            with gr.Tab("Compare", id="compare"):
                has_opus = opus_installed()
                compare.build(studio, clip, picker, has_opus)
                trial.build(studio, clip, picker, VoteBook(settings.votes), has_opus)
            with gr.Tab("Call", id="call"):
                call.build(studio, clip, picker)
            with gr.Tab("Files", id="files"):
                files.build(studio)
            with gr.Tab("Evaluate", id="evaluate"):
                evaluate.build(studio)
            with gr.Tab("About", id="about"):
                about.build(studio)
    page.queue(max_size=settings.queue_limit, default_concurrency_limit=settings.concurrency)
    return page


def number_inputs(page: gr.Blocks) -> dict[int | str, list[NumberInput]]:
    """Where each of the page's functions, by number and by name, expects a number."""
    found: dict[int | str, list[NumberInput]] = {}
    for index, function in page.fns.items():
        wanted = [
            NumberInput(position, str(part.label), part.value is None)
            for position, part in enumerate(function.inputs)
            if isinstance(part, gr.Number | gr.Slider)
        ]
        found[index] = wanted
        if function.api_name:
            found[function.api_name] = wanted
    return found
