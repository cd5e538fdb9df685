"""The Call tab: a clip in packets, some of which get lost, and Opus on the same line."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

import gradio as gr

from app.demo.conversation import (
    CALL_S,
    MOST_BURST,
    MOST_LOST_PERCENT,
    SCORES,
    Call,
    Heard,
    call_opus,
    calling,
    copies_on_offer,
    opus_missing,
    sent_wave,
)
from app.demo.markup import alert, note, table
from app.demo.page.jobs import controls
from app.demo.page.listen import bitrate_slider
from app.demo.page.player import Track, player, player_value
from app.demo.page.trial import NO_CLIP
from app.demo.pictures import lost_packets
from app.demo.studio import Clip, Steps, Studio, plain_message
from codec.errors import CodecError
from codec.live import NONE, Redundancy

TITLES = {"pesq_wb": "PESQ-WB", "plcmos": "PLCMOS"}
INTRO = (
    "The clip of the Listen tab as a call: a packet every 20 ms, some of which never arrive. At "
    f"most the first {CALL_S:g} s, all channels in one."
)
OPUS_WORDS = "Opus has the same bitrate, 6 kbps or more, and loses the same packets."
START_COPIES = Redundancy(2, 3)


def build(studio: Studio, clip: gr.State, picker: gr.Audio) -> None:
    """Lay out the tab and wire it; clearing `picker` clears it too."""
    no_opus = opus_missing(studio)
    peer = f"Opus is left out: {no_opus}." if no_opus else OPUS_WORDS
    gr.HTML(note(f"{INTRO} {peer}"), elem_id="call-intro")
    with gr.Row():
        with gr.Column(min_width=300):
            kbps = bitrate_slider(studio, "call-rate")
        with gr.Column(min_width=300):
            lost = gr.Slider(
                0, MOST_LOST_PERCENT, 10, step=1, label="Lost packets (%)", elem_id="call-loss",
                buttons=[],
            )  # fmt: skip
    with gr.Row():
        with gr.Column(min_width=300):
            burst = gr.Slider(
                1, MOST_BURST, 2, step=0.5, label="Packets lost in a row, on average",
                elem_id="call-burst", buttons=[],
            )  # fmt: skip
        with gr.Column(min_width=300):
            offered = {str(index): one for index, one in enumerate(copies_on_offer(studio))}
            copies = _copies_box(studio, offered)
    job = controls(("Call", "call-go"))
    sound = player("Both ends of the line", "call-player")
    picture, numbers = gr.HTML(elem_id="call-losses"), gr.HTML(elem_id="call-table")

    def run(
        clip: Clip | None, kbps: float, lost: float, burst: float, copies: str
    ) -> Iterator[tuple[Any, ...]]:
        yield from both_ends(studio, clip, (kbps, lost, burst, offered.get(copies, NONE)))

    shown = [job.status, sound, picture, numbers]
    settings = [clip, kbps, lost, burst, copies]
    job.on_start(studio, job.starts[0], run, settings, shown, queue="scores")
    job.clear_on(picker.clear, {sound: player_value([]), picture: "", numbers: ""})


def _copies_box(studio: Studio, offered: Mapping[str, Redundancy]) -> gr.Dropdown:
    return gr.Dropdown(
        [(_in_words(studio, copies), key) for key, copies in offered.items()],
        value=next((key for key, copies in offered.items() if copies == START_COPIES), "0"),
        label="Copies of earlier frames, within the bitrate",
        filterable=False,
        elem_id="call-copies",
    )


def both_ends(
    studio: Studio, clip: Clip | None, settings: tuple[float, float, float, Redundancy]
) -> Iterator[tuple[Any, ...]]:
    """Status, sounds, picture and numbers: sounds first, then one score after the other.

    Args:
        settings: of a `Call`.
    """
    if clip is None:
        yield _nothing(NO_CLIP)
        return
    try:
        call = Call(*settings)
        sent = sent_wave(studio, clip.original)
        ends = yield from _told(_calls(studio, clip, call, sent), call)
        tracks = [Track("Original", "as it was recorded", clip.original), *map(_track, ends)]
        packet_s = 1.0 / studio.codec.config.frame_rate
        losses = lost_packets(ends[0].lost, packet_s, "Packets lost")
        sounds = player_value(tracks, active=1, keep=False)
        yield note(_line(clip, call)), sounds, losses, _table(ends)
        for name in SCORES:
            for end in ends:
                end.measure(studio, sent, name)
                yield gr.skip(), gr.skip(), gr.skip(), _table(ends)
    except CodecError as error:
        yield _nothing(plain_message(error))


def _nothing(reason: str) -> tuple[Any, ...]:
    return alert(reason), player_value([]), "", ""


def _calls(studio: Studio, clip: Clip, call: Call, sent: Any) -> Steps[list[Heard]]:
    """Ours, and Opus at the bitrate that ours takes. Shape: sent [T] int16."""
    place = studio.shelf.place
    name = f"{clip.stem} {call.lost_percent:g} percent lost"
    ours = yield from calling(studio, sent, call, place(f"{name}.wav"))
    if opus_missing(studio):
        return [ours]
    return [ours, call_opus(sent, call, call.bitrate_kbps, place(f"{name} Opus.wav"))]


def _told(steps: Steps[list[Heard]], call: Call) -> Generator[tuple[Any, ...], None, list[Heard]]:
    """Show where the call stands; its result."""
    while True:
        try:
            share = next(steps)
        except StopIteration as end:
            return end.value
        yield (
            note(f"Calling at {call.bitrate_kbps:g} kbps, {100 * share:.0f} % …"),
            *[gr.skip()] * 3,
        )


def _in_words(studio: Studio, copies: Redundancy) -> str:
    """How the page offers them."""
    if copies == NONE:
        return "none"
    config = studio.codec.config
    wait_ms = copies.distance * 1000.0 / config.frame_rate
    return f"{config.bitrate_kbps(copies.num_stages):g} kbps of each frame, {wait_ms:g} ms later"


def _line(clip: Clip, call: Call) -> str:
    return (
        f"{clip.name}: {call.bitrate_kbps:g} kbps, {call.lost_percent:g} % lost, "
        f"{call.burst:g} in a row on average. The same call again loses the same packets."
    )


def _track(end: Heard) -> Track:
    lost = f"{end.num_lost} of {len(end.lost)} packets lost"
    return Track(end.name, f"{end.kbps:.2f} kbps · {lost}", end.path)


def _table(ends: Sequence[Heard]) -> str:
    """One column for each codec, so that a phone has room for it."""
    rows = [
        ("kbps sent, copies included", *(f"{end.kbps:.2f}" for end in ends)),
        ("of them copies", *(_copies(end) for end in ends)),
        ("Packets lost", *(_lost(end) for end in ends)),
        ("of them heard from copies", *(_repaired(end) for end in ends)),
        ("Delay", *(f"{end.delay_ms:g} ms" for end in ends)),
    ]
    rows += [(title, *(_score(end, name) for end in ends)) for name, title in TITLES.items()]
    reasons = sorted({f"{TITLES[k]}: {v}" for end in ends for k, v in end.failures.items()})
    return table(("", *(end.name for end in ends)), rows) + "".join(map(note, reasons))


def _copies(end: Heard) -> str:
    return f"{end.copies_kbps:.2f}" if end.num_repaired is not None else "–"


def _lost(end: Heard) -> str:
    return f"{end.num_lost} of {len(end.lost)} ({100 * end.num_lost / len(end.lost):.1f} %)"


def _repaired(end: Heard) -> str:
    return "–" if end.num_repaired is None else str(end.num_repaired)


def _score(end: Heard, name: str) -> str:
    if name in end.scores:
        return f"{end.scores[name]:.2f}"
    return "none" if name in end.failures else "…"
