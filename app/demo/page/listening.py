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

NUM_SHOWN = 10
"""Components that a new sound changes."""


class Turn:
    """Which of one visitor's requests is the latest, and what it gave; one object a visit.

    Every request takes the turn. What an earlier one still finds out is about something that the
    visitor no longer has before them, so it is thrown away.
    """

    def __init__(self) -> None:
        self.clip: Clip | None = None
        """The clip asked for, as soon as it is coded."""
        self.kbps = 0.0
        """The rate asked for, also while a clip is being coded."""
        self.on_page: Clip | None = None
        """The clip whose sound and pictures are on the page."""
        self.shown: tuple[Clip, Take] | None = None
        """What the latest request gave, once it is played."""
        self.cleared = False
        """Whether the latest request was for an empty page."""
        self._number = 0

    def begin(self, clip: Clip | None = None) -> int:
        """Take the turn, for a clip that is there already or for one yet to be opened."""
        self.clip, self.shown, self.cleared = clip, None, False
        self._number += 1
        return self._number

    def lasts(self, number: int) -> bool:
        """Whether nobody took it since."""
        return number == self._number


class Listening:
    """What the events of the Listen tab call."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio

    def open_upload(self, turn: Turn, path: str | None, kbps: float) -> Iterator[list[Any]]:
        """A new recording: code it and play it."""
        if path is not None:
            turn.kbps = kbps
            yield from self._open(turn, turn.begin(), lambda: self.studio.opening(path))

    def open_example(self, index: int, turn: Turn, kbps: float) -> Iterator[list[Any]]:
        """A bundled clip."""
        path, turn.kbps = EXAMPLES[index].path, kbps
        yield from self._open(turn, turn.begin(), lambda: self.studio.opening_example(path))

    def change_rate(self, turn: Turn, kbps: float) -> Iterator[list[Any]]:
        """The same recording at another rate; one still being coded will be played at it."""
        turn.kbps, clip = kbps, turn.clip
        if clip is not None:
            yield from self._open(turn, turn.begin(clip), lambda: _already(clip))

    def clear(self, turn: Turn) -> list[Any]:
        """An empty page; what is under way shows nothing any more."""
        turn.begin()
        turn.cleared = True
        return _emptied(turn, "")

    def stay_clear(self, turn: Turn) -> list[Any]:
        """The empty page once more, unless something was asked for since.

        `clear` answers past the queue, so a sound that was on its way through the queue then may
        reach the page after it. This goes through the queue, so as a rule behind that sound.
        """
        return _emptied(turn, "") if turn.cleared else [gr.skip()] * NUM_SHOWN

    def cancel(self, turn: Turn) -> tuple[str, Any]:
        """Only a word that it is off; what plays goes on playing."""
        turn.begin(turn.on_page)
        return note("Cancelled."), gr.Button(visible=False)

    def _open(
        self, turn: Turn, number: int, opener: Callable[[], Steps[Clip]]
    ) -> Iterator[list[Any]]:
        steps = self._opening(turn, number, opener)
        while turn.lasts(number):  # asked before each step, and again before it is shown
            shown = next(steps, None)
            if shown is None or not turn.lasts(number):
                return
            yield shown

    def _opening(
        self, turn: Turn, number: int, opener: Callable[[], Steps[Clip]]
    ) -> Iterator[list[Any]]:
        try:
            clip = yield from _told("Reading", opener())
            if not turn.lasts(number):
                return
            turn.clip = clip
            take = yield from _told("Coding", self.studio.decoding(clip, turn.kbps))
            if turn.lasts(number):
                pictures = [gr.skip() if turn.on_page is clip else ""] * 2
                turn.on_page, turn.shown = clip, (clip, take)
                yield [*self._present(clip, take), *pictures]
        except CodecError as error:
            if turn.lasts(number):
                yield _emptied(turn, alert(plain_message(error)))

    def _present(self, clip: Clip, take: Take) -> list[Any]:
        code = self.studio.shelf.place(f"{clip.stem} {take.bitrate_kbps:g} kbps.nsvq")
        code.write_bytes(take.data)
        return [
            note(playing(clip)),
            clip,
            player_value(tracks(clip, take), active=1),
            number_cards(clip, take),
            gr.DownloadButton(value=str(code), interactive=True),
            gr.DownloadButton(value=str(take.path), interactive=True),
            gr.DownloadButton(value=None, visible=False),
            gr.Button(visible=False),
        ]

    def look(self, turn: Turn) -> Iterator[tuple[Any, Any]]:
        """Spectrograms, then scores, as long as the visitor has the same sound before them."""
        shown = turn.shown
        if shown is None:
            return
        for parts in self._looking(*shown):
            if turn.shown is not shown:
                return
            yield parts

    def _looking(self, clip: Clip, take: Take) -> Iterator[tuple[Any, Any]]:
        original = self.studio.heard_file(clip.original)
        decoded = self.studio.heard_file(take.path)
        yield gr.skip(), spectrograms(original, decoded, self.studio.codec.config.sample_rate)
        try:
            self.studio.score_clip(clip, take.num_stages)
            yield number_cards(clip, take), gr.skip()
        except EvaluationError as error:
            yield number_cards(clip, take, why=plain_message(error)), gr.skip()

    def compare_stages(self, turn: Turn) -> Iterator[str]:
        """PESQ against stages, a point at a time, under the same condition."""
        shown = turn.shown
        if shown is None:
            return
        for curve in self._comparing(*shown):
            if turn.shown is not shown:
                return
            yield curve

    def _comparing(self, clip: Clip, take: Take) -> Iterator[str]:
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
            yield [
                text,
                *[gr.skip()] * (NUM_SHOWN - 4),
                gr.Button(visible=True),
                gr.skip(),
                gr.skip(),
            ]


def _stage_curve(clip: Clip, stage_kbps: float, current: int) -> str:
    points = [(n, values["pesq_wb"]) for n, values in sorted(clip.scores.items())]
    title = f"What each stage of {stage_kbps:g} kbps, on average, adds to PESQ-WB"
    now = (float(current), f"{current} stages, {stage_kbps * current:g} kbps")
    return curves([Line(clip.stem, points)], title, ("stages", "PESQ"), mark=now)


def _rate(clip: Clip, take: Take) -> str:
    """The rate as the slider has it, times the channels that are paid for."""
    times = f"{clip.num_channels} × " if clip.num_channels > 1 else ""
    return f"{times}{take.bitrate_kbps:g} kbps"


def tracks(clip: Clip, take: Take) -> list[Track]:
    """What the player holds."""
    decoded = f"{len(take.data) / 1000:,.2f} kB · {_rate(clip, take)}"
    return [
        Track("Original", f"{clip.pcm_bytes / 1000:,.1f} kB, 16-bit PCM", clip.original),
        Track("Decoded", decoded, take.path),
    ]


def playing(clip: Clip) -> str:
    """What is played, what several channels cost, and what looks wrong."""
    said = [f"Playing {clip.name}: {clip.seconds:.2f} s, {clip.sample_rate:,} Hz."]
    if (times := clip.num_channels) > 1:
        said.append(f"{times} channels, each coded on its own: {times} × the rate.")
    return " ".join([*said, *(f"{warning}." for warning in clip.warnings)])


def number_cards(clip: Clip, take: Take, why: str = "") -> str:
    """The numbers under the player; scores are dashes until they are there, or `why` not."""
    scores = clip.scores.get(take.num_stages)
    pending = why or "being measured"
    kbps = 8 * len(take.data) / clip.seconds / 1000
    channels = f", {_rate(clip, take)}" if clip.num_channels > 1 else ""
    mean = " on average," if take.variable else ""
    return cards(
        [
            (
                "On disk",
                f"{len(take.data):,} bytes",
                f"{kbps:.2f} kbps{mean} with header{channels}",
            ),
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
                f"{clip.seconds / take.encode_s:.0f}× real time",
                f"{take.encode_s:.2f} s for {clip.seconds:.2f} s",
            ),
            (
                "Decoding",
                f"{clip.seconds / take.decode_s:.0f}× real time",
                f"{take.decode_s:.2f} s for {clip.seconds:.2f} s",
            ),
        ]
    )


def _emptied(turn: Turn, message: str) -> list[Any]:
    turn.on_page = None
    off = gr.DownloadButton(value=None, interactive=False)
    gone = gr.DownloadButton(value=None, visible=False)
    silent, hidden = player_value([]), gr.Button(visible=False)
    return [message, None, silent, "", off, off, gone, hidden, "", ""]
