"""The Files tab: recordings to .nsvq and back, trimmed or described, several at once."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from app.demo.bundles import (
    Result,
    bundle,
    decode_one,
    describe_one,
    encode_one,
    run_each,
    trim_one,
)
from app.demo.markup import alert, table
from app.demo.page.jobs import controls
from app.demo.page.listen import MEAN, bitrate_slider
from app.demo.page.player import Track, player, player_value
from app.demo.studio import Studio, plain_message
from codec.errors import CodecError

AUDIO_TYPES = [".wav", ".flac", ".ogg", ".mp3", ".opus", ".aiff"]
PROGRESS = gr.Progress()
"""A default by which Gradio knows that an event reports its progress."""


def build(studio: Studio) -> None:
    """Lay out the tab and wire it."""
    with gr.Row():
        with gr.Column(min_width=320):
            _build_encode(studio)
        with gr.Column(min_width=320):
            _build_decode(studio)


def _build_encode(studio: Studio) -> None:
    gr.Markdown("### Recordings to .nsvq")
    source = gr.File(
        file_count="multiple",
        file_types=AUDIO_TYPES,
        label="Recordings",
        elem_id="encode-in",
        height=150,
    )
    kbps = bitrate_slider(studio, "encode-rate", MEAN)
    job = controls(("Encode", "encode-go"))
    output = _results("encode-out")

    def run(
        paths: Sequence[str] | None, kbps: float, progress: gr.Progress = PROGRESS
    ) -> Iterator[tuple[Any, Any]]:
        work = partial(encode_one, studio, bitrate_kbps=kbps)
        for shown, results in _each(work, paths, progress):
            yield shown, None if results is None else _file(bundle(studio, results, "nsvq.zip"))

    job.on_start(studio, job.starts[0], run, [source, kbps], [job.status, output], queue="files")
    job.clear_on(source.clear, {output: None})


def _build_decode(studio: Studio) -> None:
    gr.Markdown("### .nsvq to recordings")
    source = gr.File(
        file_count="multiple",
        file_types=[".nsvq"],
        label=".nsvq files",
        elem_id="decode-in",
        height=150,
    )
    kbps = bitrate_slider(studio, "decode-rate")
    job = controls(("Decode", "decode-go"), ("Trim to this rate", "trim-go"))
    details = gr.HTML(elem_id="decode-info")
    sound = player("Decoded files", "decode-player")
    output = _results("decode-out")

    def decode(
        paths: Sequence[str] | None, kbps: float, progress: gr.Progress = PROGRESS
    ) -> Iterator[tuple[Any, Any, Any]]:
        work = partial(decode_one, studio, bitrate_kbps=kbps)
        for shown, results in _each(work, paths, progress):
            if results is None:
                yield shown, player_value([]), None
            else:
                tracks = [Track(r.output.name, r.note, r.output) for r in results if r.output]
                file = _file(bundle(studio, results, "decoded.zip"))
                yield shown, player_value(tracks[:9], keep=False), file

    def trim_all(
        paths: Sequence[str] | None, kbps: float, progress: gr.Progress = PROGRESS
    ) -> Iterator[tuple[Any, Any, Any]]:
        work = partial(trim_one, studio, bitrate_kbps=kbps)
        for shown, results in _each(work, paths, progress):
            done = None if results is None else _file(bundle(studio, results, "trimmed.zip"))
            yield shown, player_value([]), done

    source.change(
        lambda paths: describe(studio, paths),
        source,
        details,
        queue=False,
        api_visibility="private",
    )
    outputs = [job.status, sound, output]
    for start, run in zip(job.starts, (decode, trim_all), strict=True):
        job.on_start(studio, start, run, [source, kbps], outputs, queue="files")
    job.clear_on(source.clear, {sound: player_value([]), output: None})


def _results(elem_id: str) -> gr.File:
    return gr.File(label="Result (a zip if there are several)", interactive=False, elem_id=elem_id)


def _each(
    work: Callable[[Path], Result], paths: Sequence[str] | None, progress: gr.Progress
) -> Iterator[tuple[str, list[Result] | None]]:
    """What to show as files get done: (HTML, None), and last (HTML, results)."""
    if not paths:
        yield alert("Choose one or more files first."), None
        return
    results: list[Result] = []
    for result in run_each(work, paths):
        results.append(result)
        progress(len(results) / len(paths), desc=result.name)
        yield _result_table(results), None
    yield _result_table(results), results


def _result_table(results: Sequence[Result]) -> str:
    return table(
        ("File", "Result"), [(r.name, r.note if r.output else f"failed: {r.note}") for r in results]
    )


def describe(studio: Studio, paths: Sequence[str] | None) -> str:
    """What the uploaded .nsvq files hold."""
    parts = []
    for path in [Path(p) for p in paths or ()]:
        try:
            values = describe_one(studio, path)
            parts.append(table(("Property", "Value"), list(values.items()), caption=path.name))
        except CodecError as error:
            parts.append(alert(f"{path.name}: {plain_message(error)}"))
    return "".join(parts)


def _file(path: Path | None) -> str | None:
    return None if path is None else str(path)
