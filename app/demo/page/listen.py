"""The Listen tab: one clip, one bitrate, original and decoded on one clock.

Three steps, so that sound comes first: decode and play; then scores and spectrograms; then the
curve over stages. A new rate cancels what is still running of the last two.
"""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from app.demo.examples import EXAMPLES
from app.demo.markup import alert, cards, note
from app.demo.page.player import Track, player, player_value
from app.demo.pictures import Line, curves, spectrograms
from app.demo.studio import Clip, Steps, Studio, Take, plain_message
from codec.audio import read_audio
from codec.errors import CodecError, EvaluationError

START_KBPS = 6.0
PICTURE_S = 30.0
NUM_SHOWN = 7
"""Components that a new sound changes."""


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
    picture: gr.HTML
    stages: gr.HTML


def build(page: gr.Blocks, studio: Studio, clip: gr.State) -> None:
    """Lay out the tab and wire it."""
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            picker = gr.Audio(sources=["upload", "microphone"], type="filepath", buttons=[],
                              label="Your clip: drop a file or record", elem_id="picker")
            gr.HTML(note(f"wav, flac, ogg or mp3, up to {studio.settings.max_minutes:g} minutes. "
                         "Or an example:"))
            with gr.Row(elem_id="examples"):
                examples = [gr.Button(example.title, size="sm", min_width=120)
                            for example in EXAMPLES]
            message = gr.HTML(elem_id="message")
            cancel = gr.Button("Cancel", size="sm", elem_id="cancel")
        with gr.Column(scale=2, min_width=320):
            sound = player("Original and decoded", "listen-player")
            slider = bitrate_slider(studio, "bitrate")
            numbers = gr.HTML(elem_id="numbers")
            with gr.Row():
                files = [gr.DownloadButton(f"Download {kind}", size="sm", interactive=False,
                                           elem_id=f"get-{kind[-4:].strip('.')}")
                         for kind in (".nsvq", "decoded .wav")]
    with gr.Row():
        with gr.Column(min_width=320):
            picture = gr.HTML(elem_id="spectrograms")
        with gr.Column(min_width=320):
            stages = gr.HTML(elem_id="stages")
    _wire(page, studio, clip, _Parts(picker, examples, cancel, message, slider, sound, numbers,
                                     files, picture, stages))


def bitrate_slider(studio: Studio, elem_id: str) -> gr.Slider:
    """A slider over the rates on offer, in kbps."""
    rates = studio.rates_kbps
    step = rates[1] - rates[0] if len(rates) > 1 else rates[0]
    start = max((rate for rate in rates if rate <= START_KBPS), default=rates[0])
    return gr.Slider(rates[0], rates[-1], value=start, step=step, elem_id=elem_id, buttons=[],
                     label="Bitrate (kbps)")


def _wire(page: gr.Blocks, studio: Studio, clip: gr.State, parts: _Parts) -> None:
    tab = _Handlers(studio)
    take = gr.State(None, time_to_live=600)
    shown = [parts.message, clip, take, parts.sound, parts.numbers, *parts.files]
    quick = {"outputs": shown, "concurrency_id": "sound", "api_visibility": "private",
             "concurrency_limit": studio.settings.concurrency, "show_progress_on": parts.message}
    starts = [page.load(partial(tab.open_example, 0), [parts.slider], **quick),
              parts.picker.change(tab.open_upload, [parts.picker, parts.slider],
                                  trigger_mode="always_last", **quick)]
    starts += [button.click(partial(tab.open_example, index), [parts.slider], **quick)
               for index, button in enumerate(parts.examples)]
    later = [event for start in starts for event in _follow(start, tab, (clip, take), parts)]
    moved = parts.slider.change(tab.change_rate, [clip, parts.slider], cancels=later,
                                trigger_mode="always_last", **quick)
    later += _follow(moved, tab, (clip, take), parts)
    parts.cancel.click(lambda: note("Cancelled."), None, parts.message, queue=False,
                       cancels=[*starts, moved, *later], api_visibility="private")


def _follow(event: Any, tab: "_Handlers", states: tuple[Any, Any], parts: _Parts) -> list[Any]:
    """After the sound: scores and spectrograms, then the stages."""
    slow = {"concurrency_id": "scores", "api_visibility": "private", "show_progress": "hidden",
            "concurrency_limit": tab.studio.settings.concurrency}
    looks = event.then(tab.look, [*states], [parts.numbers, parts.picture], **slow)
    return [looks, looks.then(tab.compare_stages, [*states], parts.stages, **slow)]


class _Handlers:
    """What the events call."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio

    def open_upload(self, path: str | None, kbps: float) -> Iterator[list[Any]]:
        """A new recording: code it and play it."""
        if path is not None:
            yield from self._open(lambda: self.studio.opening(path), kbps)

    def open_example(self, index: int, kbps: float) -> Iterator[list[Any]]:
        """A bundled clip."""
        yield from self._open(lambda: self.studio.opening_example(EXAMPLES[index].path), kbps)

    def change_rate(self, clip: Clip | None, kbps: float) -> Iterator[list[Any]]:
        """The same recording at another rate."""
        if clip is not None:
            yield from self._open(lambda: _already(clip), kbps)

    def _open(self, opener: Callable[[], Steps[Clip]], kbps: float) -> Iterator[list[Any]]:
        try:
            clip = yield from _told("Encoding", opener())
            take = yield from _told("Decoding", self.studio.decoding(clip, kbps))
            yield self._present(clip, take)
        except CodecError as error:
            yield _failed(error)

    def _present(self, clip: Clip, take: Take) -> list[Any]:
        code = self.studio.shelf.place(f"{clip.stem} {take.bitrate_kbps:g} kbps.nsvq")
        code.write_bytes(take.data)
        tracks = [Track("Original", f"{clip.pcm_bytes / 1000:,.1f} kB as 16-bit PCM",
                        clip.original),
                  Track("Decoded", f"{len(take.data) / 1000:,.2f} kB · {take.bitrate_kbps:g} kbps",
                        take.path)]
        return [note(f"Playing {clip.name}: {clip.seconds:.2f} s, {clip.sample_rate:,} Hz."),
                clip, take, player_value(tracks, active=1), number_cards(clip, take),
                gr.DownloadButton(value=str(code), interactive=True),
                gr.DownloadButton(value=str(take.path), interactive=True)]

    def look(self, clip: Clip | None, take: Take | None) -> Iterator[tuple[Any, Any]]:
        """Spectrograms, then scores."""
        if clip is None or take is None:
            return
        rate = self.studio.codec.config.sample_rate
        limit = int(PICTURE_S * rate)
        wave, _ = read_audio(take.path)
        original = self.studio.reference(clip)[:limit]
        decoded = self.studio.as_heard(wave, clip.sample_rate)[:limit]
        yield gr.skip(), spectrograms(original, decoded, rate)
        try:
            self.studio.score_clip(clip, take.num_stages, wave)
            yield number_cards(clip, take), gr.skip()
        except EvaluationError as error:
            yield number_cards(clip, take, why=plain_message(error)), gr.skip()

    def compare_stages(self, clip: Clip | None, take: Take | None) -> Iterator[str]:
        """PESQ against stages, a point at a time."""
        if clip is None or take is None:
            return
        config = self.studio.codec.config
        wanted = sorted({*self.studio.sampled_stages(), take.num_stages})
        try:
            for count in wanted:
                fresh = count not in clip.scores
                self.studio.score_clip(clip, count)
                if fresh or count == wanted[-1]:
                    yield _stage_curve(clip, config.bitrate_kbps(1), take.num_stages)
        except EvaluationError as error:
            yield note(f"No curve over stages: {plain_message(error)}")


def _already(clip: Clip) -> Steps[Clip]:
    yield from ()
    return clip


def _told(doing: str, steps: Steps[Any]) -> Generator[list[Any], None, Any]:
    """Show where long work stands; its result. Cancelling takes effect between two steps."""
    while True:
        try:
            share = next(steps)
        except StopIteration as end:
            return end.value
        if share < 1.0:
            text = note(f"{doing}, {100 * share:.0f} % …")
            yield [text, *[gr.skip()] * (NUM_SHOWN - 1)]


def _stage_curve(clip: Clip, stage_kbps: float, current: int) -> str:
    points = [(n, values["pesq_wb"]) for n, values in sorted(clip.scores.items())]
    title = f"What each stage adds: PESQ-WB (each stage is {stage_kbps:g} kbps)"
    return curves([Line(clip.stem, points)], title, ("stages", "PESQ"), mark=current)


def number_cards(clip: Clip, take: Take, why: str = "") -> str:
    """The numbers under the player; scores are dashes until they are there, or `why` not."""
    scores = clip.scores.get(take.num_stages)
    pending = why or "being measured"
    kbps = 8 * len(take.data) / clip.seconds / 1000
    return cards([
        ("On disk", f"{len(take.data):,} bytes", f"{kbps:.2f} kbps with header"),
        ("Against 16-bit PCM", f"{clip.pcm_bytes / len(take.data):.0f}× smaller",
         f"from {clip.pcm_bytes:,} bytes"),
        ("PESQ-WB", f"{scores['pesq_wb']:.2f}" if scores else "–",
         "1 bad … 4.64 like the original" if scores else pending),
        ("STOI", f"{scores['stoi']:.3f}" if scores else "–",
         "0 … 1, how much is understood" if scores else pending),
        ("Encoding", f"{clip.seconds / clip.encode_s:.0f}×",
         f"faster than it plays: {clip.encode_s:.2f} s, all stages"),
        ("Decoding", f"{clip.seconds / take.decode_s:.0f}×",
         f"faster than it plays: {take.decode_s:.2f} s"),
    ])


def _failed(error: CodecError) -> list[Any]:
    off = gr.DownloadButton(value=None, interactive=False)
    return [alert(plain_message(error)), None, None, player_value([]), "", off, off]

