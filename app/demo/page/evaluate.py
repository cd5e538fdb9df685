"""The Evaluate tab: a bitrate-PESQ curve for the visitor's clips, and the harness's report."""

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

import gradio as gr

from app.demo import curve
from app.demo.markup import alert, note, table
from app.demo.page.files import AUDIO_TYPES, PROGRESS
from app.demo.studio import Studio


def build(studio: Studio) -> None:
    """Lay out the tab and wire it."""
    gr.HTML(
        note(
            f"PESQ-WB of your own clips at {len(studio.sampled_stages(6))} rates, up to "
            f"{curve.MAX_CLIPS} clips. For whole corpora and other codecs: nsvq evaluate."
        )
    )
    source = gr.File(
        file_count="multiple",
        file_types=AUDIO_TYPES,
        label="Clips",
        elem_id="evaluate-in",
        height=150,
    )
    with gr.Row():
        go = gr.Button("Measure", variant="primary", elem_id="evaluate-go")
        stop = gr.Button("Cancel", scale=0, min_width=120)
    status = gr.HTML(elem_id="evaluate-status")
    picture = gr.HTML(elem_id="evaluate-picture")
    files = gr.File(
        label="Picture and CSV", interactive=False, file_count="multiple", elem_id="evaluate-out"
    )

    def run(
        paths: Sequence[str] | None, progress: gr.Progress = PROGRESS
    ) -> Iterator[tuple[Any, Any, Any]]:
        yield from measure(studio, paths, progress)

    event = go.click(
        run,
        source,
        [status, picture, files],
        concurrency_id="scores",
        concurrency_limit=studio.settings.concurrency,
        api_visibility="private",
        show_progress_on=status,
    )
    stop.click(
        lambda: note("Cancelled."),
        None,
        status,
        cancels=[event],
        queue=False,
        api_visibility="private",
    )
    _build_report(studio)


def measure(
    studio: Studio, paths: Sequence[str] | None, progress: Any
) -> Iterator[tuple[Any, Any, Any]]:
    """Status, picture and files after every score."""
    if not paths:
        yield alert("Choose one or more clips first."), "", None
        return
    step = None
    for step in curve.measure(studio, paths):
        progress(step.done, desc=step.doing)
        yield (
            note(f"{100 * step.done:.0f} %, {step.doing}"),
            (curve.draw(step.points) if step.points else ""),
            None,
        )
    if step is None or not step.points:
        yield alert("; ".join(step.failures if step else ())), "", None
        return
    csv_path, png_path = studio.shelf.place("curve.csv"), studio.shelf.place("curve.png")
    curve.write_csv(csv_path, step.points)
    curve.write_picture(png_path, step.points)
    failed = "".join(alert(text) for text in step.failures)
    yield _mean_table(step) + failed, curve.draw(step.points), [str(csv_path), str(png_path)]


def _mean_table(step: curve.Step) -> str:
    rows = [(f"{kbps:g}", f"{value:.2f}") for kbps, value in curve.mean_curve(step.points)]
    return table(("kbps", "mean PESQ-WB"), rows)


def _build_report(studio: Studio) -> None:
    report = studio.settings.report
    gr.Markdown("### Report of the evaluation harness")
    if report is None or not report.is_file():
        gr.HTML(
            note(
                "None here. Make one with nsvq evaluate and start the demo with --report "
                "report.html."
            )
        )
        return
    button = gr.Button("Show the report")
    frame = gr.HTML()

    def show() -> str:
        page = escape(report.read_text(encoding="utf-8"), quote=True)
        return (
            f'<iframe class="nsvq-report" title="Evaluation report" sandbox="allow-scripts" '
            f'srcdoc="{page}"></iframe>'
        )

    button.click(show, None, frame, queue=False, api_visibility="private")
