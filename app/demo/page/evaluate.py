"""The Evaluate tab: a bitrate-PESQ curve for the visitor's clips, and the harness's report."""

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

import gradio as gr

from app.demo import curve
from app.demo.markup import alert, note, table
from app.demo.page.files import AUDIO_TYPES, PROGRESS
from app.demo.page.jobs import controls
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
    job = controls(("Measure", "evaluate-go"))
    picture = gr.HTML(elem_id="evaluate-picture")
    files = gr.File(
        label="Picture and CSV", interactive=False, file_count="multiple", elem_id="evaluate-out"
    )

    def run(
        paths: Sequence[str] | None, progress: gr.Progress = PROGRESS
    ) -> Iterator[tuple[Any, Any, Any]]:
        yield from measure(studio, paths, progress)

    job.on_start(studio, job.starts[0], run, [source], [job.status, picture, files], queue="scores")
    job.clear_on(source.clear, {picture: "", files: None})
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
    rows = [
        (f"{p.kbps:g}", f"{p.kbps_on_disk:.2f}", f"{p.pesq_wb:.2f}", f"{p.stoi:.3f}")
        for p in curve.means(step.points)
    ]
    num_clips = len({point.clip for point in step.points})
    caption = f"Mean of {num_clips} clip{'s' if num_clips > 1 else ''}"
    return table(("kbps", "kbps on disk", "PESQ-WB", "STOI"), rows, caption)


def _build_report(studio: Studio) -> None:
    report = studio.settings.report
    gr.Markdown("### Report of the evaluation harness", elem_classes="nsvq-section")
    if report is None or not report.is_file():
        gr.HTML(
            note(
                "Whoever runs this page can show one here: make it with nsvq evaluate, then "
                "start nsvq demo --report results/report.html."
            )
        )
        return
    button = gr.Button("Show the report")
    frame = gr.HTML()

    def show() -> str:
        page = escape(report.read_text(encoding="utf-8"), quote=True)
        return (
            f'<iframe class="nsvq-report" title="Evaluation report" sandbox="" '
            f'srcdoc="{page}"></iframe>'
        )

    button.click(show, None, frame, queue=False, api_visibility="private")
