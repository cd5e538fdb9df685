"""The Listen tab: one clip, one bitrate, original and decoded on one clock.

Three steps, so that sound comes first: decode and play; then scores and spectrograms; then the
curve over stages. A new rate cancels what is still running of the last two.
"""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from app.demo.examples import EXAMPLES
from app.demo.markup import alert, cards, note
from app.demo.page.player import Track, player, player_value
from app.demo.pictures import Line, curves, spectrograms
from app.demo.studio import Clip, Studio, Take, plain_message
from codec.errors import CodecError, EvaluationError

START_KBPS = 6.0
PICTURE_S = 30.0


def build(page: gr.Blocks, studio: Studio, clip: gr.State) -> None:
    """Lay out the tab and wire it."""
    rates = studio.rates_kbps
    step = rates[1] - rates[0] if len(rates) > 1 else 0.5
    start = max((r for r in rates if r <= START_KBPS), default=rates[0])
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            picker = gr.Audio(sources=["upload", "microphone"], type="filepath", buttons=[],
                              label="Your clip: drop a file or record", elem_id="picker")
            message = gr.HTML(note(f"wav, flac, ogg or mp3, up to "
                                   f"{studio.settings.max_minutes:g} minutes. Or an example:"))
            with gr.Row(elem_id="examples"):
                buttons = [gr.Button(example.title, size="sm", min_width=120)
                           for example in EXAMPLES]
            slider = gr.Slider(rates[0], rates[-1], value=start, step=step, elem_id="bitrate",
                               label="Bitrate (kbps)", buttons=[])
            cancel = gr.Button("Cancel", size="sm", variant="secondary", elem_id="cancel")
        with gr.Column(scale=2, min_width=320):
            sound = player("Original and decoded", "listen-player")
            numbers = gr.HTML(elem_id="numbers")
            with gr.Row():
                code_file = gr.DownloadButton("Download .nsvq", size="sm", elem_id="get-nsvq",
                                              interactive=False)
                wave_file = gr.DownloadButton("Download decoded .wav", size="sm",
                                              interactive=False, elem_id="get-wav")
    with gr.Row():
        with gr.Column(min_width=320):
            picture = gr.HTML(label="Spectrograms", elem_id="spectrograms")
        with gr.Column(min_width=320):
            stages = gr.HTML(label="What each stage adds", elem_id="stages")

    tab = _Handlers(studio)
    take = gr.State(None, time_to_live=600)
    shown = [message, clip, take, sound, numbers, code_file, wave_file]
    quick = {"outputs": shown, "concurrency_id": "sound", "api_visibility": "private",
             "concurrency_limit": studio.settings.concurrency}
    events = []
    starts = [page.load(lambda kbps: tab.open_example(0, kbps), [slider], **quick),
              picker.change(tab.open_upload, [picker, slider], trigger_mode="always_last",
                            **quick)]
    starts += [button.click(lambda kbps, index=index: tab.open_example(index, kbps), [slider],
                            **quick) for index, button in enumerate(buttons)]
    for start_event in starts:
        events += _follow(start_event, tab, studio, (clip, take, numbers, picture, stages))
    moved = slider.change(tab.change_rate, [clip, slider], trigger_mode="always_last",
                          show_progress="hidden", cancels=events, **quick)
    events += _follow(moved, tab, studio, (clip, take, numbers, picture, stages))
    cancel.click(lambda: note("Cancelled."), None, message, cancels=[*starts, moved, *events],
                 queue=False, api_visibility="private")


def _follow(event: Any, tab: "_Handlers", studio: Studio, parts: tuple[Any, ...]) -> list[Any]:
    """After the sound: scores and spectrograms, then the stages."""
    clip, take, numbers, picture, stages = parts
    slow = {"concurrency_id": "scores", "concurrency_limit": studio.settings.concurrency,
            "api_visibility": "private", "show_progress": "minimal"}
    looks = event.then(tab.look, [clip, take], [numbers, picture], **slow)
    curve = looks.then(tab.compare_stages, [clip, take], stages, **slow)
    return [looks, curve]


class _Handlers:
    """What the events call."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio

    def open_upload(self, path: str | None, kbps: float) -> list[Any]:
        """A new recording: code it and play it."""
        if path is None:
            return [gr.skip()] * 7
        return self._open(lambda: self.studio.open_clip(path), kbps)

    def open_example(self, index: int, kbps: float) -> list[Any]:
        """A bundled clip."""
        return self._open(lambda: self.studio.open_example(EXAMPLES[index].path), kbps)

    def _open(self, opener: Any, kbps: float) -> list[Any]:
        try:
            clip = opener()
            return self._present(clip, kbps)
        except CodecError as error:
            return _failed(error)

    def change_rate(self, clip: Clip | None, kbps: float) -> list[Any]:
        """The same recording at another rate."""
        if clip is None:
            return [gr.skip()] * 7
        try:
            return self._present(clip, kbps)
        except CodecError as error:
            return _failed(error)

    def _present(self, clip: Clip, kbps: float) -> list[Any]:
        take = self.studio.decode_clip(clip, kbps)
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
        original = self.studio.reference(clip)[:limit]
        decoded = self.studio.as_heard(take.wave, clip.sample_rate)[:limit]
        yield gr.skip(), spectrograms(original, decoded, rate)
        try:
            self.studio.score_clip(clip, take.num_stages, take.wave)
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
        ("Encode", f"{clip.seconds / clip.encode_s:.0f}× real time",
         f"{clip.encode_s:.2f} s, all stages"),
        ("Decode", f"{clip.seconds / take.decode_s:.0f}× real time", f"{take.decode_s:.2f} s"),
    ])


def _failed(error: CodecError) -> list[Any]:
    off = gr.DownloadButton(value=None, interactive=False)
    return [alert(plain_message(error)), None, None, player_value([]), "", off, off]

