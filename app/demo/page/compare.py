"""The Compare tab: several rates at once, and Opus beside them."""

from collections.abc import Iterator, Sequence
from typing import Any

import gradio as gr

from app.demo.markup import alert, note, table
from app.demo.page.jobs import controls
from app.demo.page.player import Track, player, player_value
from app.demo.page.trial import NO_CLIP
from app.demo.studio import Clip, Studio, plain_message
from app.demo.versions import OPUS, ORIGINAL, Version, make_version
from codec.errors import CodecError

HEAD = ("Version", "Bytes", "kbps on disk", "PESQ-WB", "STOI")


def build(studio: Studio, clip: gr.State, picker: gr.Audio, has_opus: bool) -> None:
    """Lay out the tab's first half and wire it; clearing `picker` clears it too."""
    rates = [studio.codec.config.bitrate_kbps(n) for n in studio.sampled_stages()]
    chosen = rates[2::2][-3:] or rates
    gr.HTML(
        note(
            "The clip of the Listen tab at several rates, each a mean: speech gets more of it, "
            "pauses less. All versions run together: switch with the number keys."
        )
    )
    with gr.Row(equal_height=True):
        choice = gr.CheckboxGroup(
            [(f"{r:g} kbps", r) for r in rates],
            value=chosen,
            scale=3,
            min_width=300,
            label="Rates of this codec",
            elem_id="compare-rates",
        )
        opus = gr.CheckboxGroup(
            [("At the nearest rate, 6 kbps or more", "opus")],
            value=["opus"] if has_opus else [],
            interactive=has_opus,
            min_width=260,
            label="Opus" if has_opus else "Opus: opusenc is not installed here",
        )
    job = controls(("Compare", "compare-go"))
    sound = player("Versions of the clip", "compare-player")
    scores = gr.HTML(elem_id="compare-table")

    def run(
        clip: Clip | None, rates: Sequence[float], opus: list[str]
    ) -> Iterator[tuple[Any, ...]]:
        yield from side_by_side(studio, clip, rates, bool(opus))

    shown = [job.status, sound, scores]
    job.on_start(studio, job.starts[0], run, [clip, choice, opus], shown, queue="scores")
    job.clear_on(picker.clear, {sound: player_value([]), scores: ""})


def side_by_side(
    studio: Studio, clip: Clip | None, rates: Sequence[float], opus: bool
) -> Iterator[tuple[Any, ...]]:
    """Sounds first, as each is made; then a score for each."""
    if clip is None:
        yield alert(NO_CLIP), player_value([]), ""
        return
    names = [ORIGINAL, *(f"{rate:g} kbps" for rate in sorted(rates))]
    if opus:
        names += [OPUS.format(kbps) for kbps in sorted({max(6.0, rate) for rate in rates})]
    versions: list[Version] = []
    try:
        for name in names:
            yield note(f"Making {name} …"), gr.skip(), gr.skip()
            versions.append(make_version(studio, clip, name))
        channels = f", {clip.num_channels} channels at the rate named" * (clip.num_channels > 1)
        sounds = player_value(_tracks(versions), keep=False)
        yield note(clip.name + channels), sounds, _score_table(versions)
        for version in versions[1:]:
            version.measure(studio, clip)
            yield gr.skip(), gr.skip(), _score_table(versions)
    except CodecError as error:
        yield alert(plain_message(error)), player_value([]), ""


def _tracks(versions: Sequence[Version]) -> list[Track]:
    return [
        Track(v.name, f"{v.num_bytes / 1000:,.2f} kB · {v.kbps:.2f} kbps", v.path) for v in versions
    ]


def _score_table(versions: Sequence[Version]) -> str:
    return table(
        HEAD, [(v.name, f"{v.num_bytes:,}", f"{v.kbps:.2f}", *v.score_words()) for v in versions]
    )
