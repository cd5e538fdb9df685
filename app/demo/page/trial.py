"""Blind trials under the Compare tab: draw, listen, vote, and only then learn what was what."""

from functools import partial
from typing import Any

import gradio as gr

from app.demo.blind import Trial, Vote, VoteBook, new_trial, tally, write_votes
from app.demo.markup import alert, note
from app.demo.page.player import Track, player, player_value
from app.demo.studio import Clip, Studio, plain_message
from app.demo.versions import make_version, version_names
from codec.errors import CodecError

NO_CLIP = "Pick a clip on the Listen tab first."


def build(studio: Studio, clip: gr.State, picker: gr.Audio, book: VoteBook, has_opus: bool) -> None:
    """Lay out the trial and wire it; clearing `picker` ends one that is under way."""
    gr.Markdown("### Blind trial", elem_classes="nsvq-section")
    gr.HTML(
        note(
            "Two candidates play as A and B, which is which drawn by chance. In ABX, X is one of "
            "them: say which. The answer stays on the server until you vote."
        )
    )
    question = _build_question(version_names(studio, has_opus), len(studio.rates_kbps))
    start = gr.Button("New trial", variant="primary", elem_id="trial-start")
    sound = player("Blind trial", "trial-player")
    with gr.Row():
        buttons = [
            gr.Button(letter, interactive=False, elem_id=f"vote-{letter.lower()}")
            for letter in "AB"
        ]
    verdict = gr.HTML(elem_id="verdict")
    file = gr.DownloadButton(
        "Download my votes (CSV)", size="sm", interactive=False, elem_id="get-votes"
    )
    trial, votes = gr.State(None, time_to_live=3600), gr.State([], time_to_live=86_400)

    common: dict[str, Any] = {
        "api_visibility": "private",
        "concurrency_limit": studio.settings.concurrency,
    }
    shown = [verdict, trial, sound, *buttons]
    start.click(
        partial(begin_trial, studio), [clip, *question], shown, concurrency_id="sound", **common
    )
    picker.clear(lambda: _no_trial(""), None, shown, queue=False, api_visibility="private")
    for letter, button in zip("AB", buttons, strict=True):
        cast = partial(cast_vote, studio, book, letter)
        button.click(cast, [trial, votes], [verdict, trial, votes, *buttons, file], **common)


def _build_question(names: list[str], num_rates: int) -> list[gr.Component]:
    with gr.Row(equal_height=True):
        kinds = [("ABX: which one is X?", "ABX"), ("A/B: which sounds better?", "AB")]
        mode = gr.Radio(kinds, value="ABX", label="Question")
        first = gr.Dropdown(names, value=names[0], label="First candidate", filterable=False)
        middle = names[(num_rates + 1) // 2]
        second = gr.Dropdown(names, value=middle, label="Second candidate", filterable=False)
    return [mode, first, second]


def begin_trial(studio: Studio, clip: Clip | None, mode: str, first: str, second: str) -> list[Any]:
    """Draw the letters and lay out A, B (and X) under names that tell nothing."""
    if clip is None:
        return _no_trial(alert(NO_CLIP))
    if first == second:
        return _no_trial(alert("Choose two different candidates."))
    try:
        trial = new_trial(mode, clip.name, first, second)
        letters = {"A": trial.a, "B": trial.b}
        if trial.x:
            letters["X"] = letters[trial.x]
        tracks = [
            Track(letter, "", make_version(studio, clip, name, alias="sound").path)
            for letter, name in letters.items()
        ]
    except CodecError as error:
        return _no_trial(alert(plain_message(error)))
    words = ("X is A", "X is B") if mode == "ABX" else ("A sounds better", "B sounds better")
    return [
        note("Listen as long as you like, then vote."),
        trial,
        player_value(tracks, waveforms=False, keep=False),
        *(gr.Button(word, interactive=True) for word in words),
    ]


def _no_trial(message: str) -> list[Any]:
    off = gr.Button(interactive=False)
    return [message, None, player_value([]), off, off]


def cast_vote(
    studio: Studio, book: VoteBook, choice: str, trial: Trial | None, votes: list[Vote]
) -> list[Any]:
    """Write the vote down and only then say what was what."""
    off = gr.Button(interactive=False)
    if trial is None:
        return [note("Start a new trial first."), None, votes, off, off, gr.skip()]
    vote = Vote(trial, choice)
    book.add(vote)
    votes = [*votes, vote]
    mine = studio.shelf.place("votes.csv")
    write_votes(mine, votes)
    verdict = {True: "Right. ", False: "Wrong. ", None: ""}[vote.correct]
    text = f"{verdict}A was {trial.a}, B was {trial.b}. {tally(votes)}"
    return [note(text), None, votes, off, off, gr.DownloadButton(value=str(mine), interactive=True)]
