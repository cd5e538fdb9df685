"""What happens while a visitor listens: sound first, then scores and pictures, then the curve."""

from collections.abc import Callable, Generator, Iterator
from typing import Any

import gradio as gr

from app.demo.examples import EXAMPLES
from app.demo.markup import alert, cards, note
from app.demo.page.player import Track, player_value
from app.demo.pictures import Line, curves, spectrograms
from app.demo.studio import Clip, Steps, Studio, Take, plain_message
from codec.errors import CodecError, EvaluationError

NUM_SHOWN = 8
"""Components that a new sound changes."""


class Listening:
    """What the events of the Listen tab call."""

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
        tracks = [
            Track("Original", f"{clip.pcm_bytes / 1000:,.1f} kB, 16-bit PCM", clip.original),
            Track(
                "Decoded",
                f"{len(take.data) / 1000:,.2f} kB · {take.bitrate_kbps:g} kbps",
                take.path,
            ),
        ]
        return [
            note(f"Playing {clip.name}: {clip.seconds:.2f} s, {clip.sample_rate:,} Hz."),
            clip,
            take,
            player_value(tracks, active=1),
            number_cards(clip, take),
            gr.DownloadButton(value=str(code), interactive=True),
            gr.DownloadButton(value=str(take.path), interactive=True),
            gr.Button(visible=False),
        ]

    def look(self, clip: Clip | None, take: Take | None) -> Iterator[tuple[Any, Any]]:
        """Spectrograms, then scores."""
        if clip is None or take is None:
            return
        original = self.studio.heard_file(clip.original)
        decoded = self.studio.heard_file(take.path)
        yield gr.skip(), spectrograms(original, decoded, self.studio.codec.config.sample_rate)
        try:
            self.studio.score_clip(clip, take.num_stages)
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
            yield [text, *[gr.skip()] * (NUM_SHOWN - 2), gr.Button(visible=True)]


def _stage_curve(clip: Clip, stage_kbps: float, current: int) -> str:
    points = [(n, values["pesq_wb"]) for n, values in sorted(clip.scores.items())]
    title = f"What each stage of {stage_kbps:g} kbps adds to PESQ-WB"
    now = (float(current), f"{current} stages, {stage_kbps * current:g} kbps")
    return curves([Line(clip.stem, points)], title, ("stages", "PESQ"), mark=now)


def number_cards(clip: Clip, take: Take, why: str = "") -> str:
    """The numbers under the player; scores are dashes until they are there, or `why` not."""
    scores = clip.scores.get(take.num_stages)
    pending = why or "being measured"
    kbps = 8 * len(take.data) / clip.seconds / 1000
    return cards(
        [
            ("On disk", f"{len(take.data):,} bytes", f"{kbps:.2f} kbps with header"),
            (
                "Against 16-bit PCM",
                f"{clip.pcm_bytes / len(take.data):.0f}× smaller",
                f"from {clip.pcm_bytes:,} bytes",
            ),
            (
                "PESQ-WB",
                f"{scores['pesq_wb']:.2f}" if scores else "–",
                "1 bad … 4.64 like the original" if scores else pending,
            ),
            (
                "STOI",
                f"{scores['stoi']:.3f}" if scores else "–",
                "0 … 1, how much is understood" if scores else pending,
            ),
            (
                "Encoding",
                f"{clip.seconds / clip.encode_s:.0f}× real time",
                f"{clip.encode_s:.2f} s for {clip.seconds:.2f} s, at the highest rate",
            ),
            (
                "Decoding",
                f"{clip.seconds / take.decode_s:.0f}× real time",
                f"{take.decode_s:.2f} s for {clip.seconds:.2f} s",
            ),
        ]
    )


def _failed(error: CodecError) -> list[Any]:
    off = gr.DownloadButton(value=None, interactive=False)
    silent, hidden = player_value([]), gr.Button(visible=False)
    return [alert(plain_message(error)), None, None, silent, "", off, off, hidden]
