"""The Compare tab: several rates at once, Opus beside them, and blind trials."""

from collections.abc import Iterator, Sequence
from typing import Any

import gradio as gr

from app.demo.blind import Trial, Vote, VoteBook, new_trial, tally, write_votes
from app.demo.markup import alert, note, table
from app.demo.opus import opus_installed
from app.demo.page.player import Track, player, player_value
from app.demo.studio import Clip, Studio, plain_message
from app.demo.versions import ORIGINAL, OPUS, Version, make_version, version_names
from codec.errors import CodecError

NO_CLIP = "Pick a clip on the Listen tab first."
HEAD = ("Version", "Bytes", "kbps on disk", "PESQ-WB", "STOI")


def build(studio: Studio, clip: gr.State, book: VoteBook) -> None:
    """Lay out the tab and wire it."""
    has_opus = opus_installed()
    _build_side_by_side(studio, clip, has_opus)
    _build_blind(studio, clip, book, has_opus)


def _build_side_by_side(studio: Studio, clip: gr.State, has_opus: bool) -> None:
    rates = [studio.codec.config.bitrate_kbps(n) for n in studio.sampled_stages()]
    chosen = rates[2::2][-3:] or rates
    gr.HTML(note("The clip of the Listen tab at several rates. All versions run together: switch "
                 "with the number keys."))
    with gr.Row(equal_height=True):
        choice = gr.CheckboxGroup([(f"{r:g} kbps", r) for r in rates], value=chosen, scale=3,
                                  label="Rates", elem_id="compare-rates")
        opus = gr.Checkbox(value=has_opus, interactive=has_opus, min_width=200,
                           label="Opus at the nearest rate (6 kbps or more)" if has_opus else
                           "Opus: opusenc is not installed here")
    with gr.Row():
        go = gr.Button("Compare", variant="primary", elem_id="compare-go")
        stop = gr.Button("Cancel", variant="secondary")
    status = gr.HTML()
    sound = player("Versions of the clip", "compare-player")
    scores = gr.HTML(elem_id="compare-table")

    def run(clip: Clip | None, rates: Sequence[float], opus: bool) -> Iterator[tuple[Any, ...]]:
        yield from side_by_side(studio, clip, rates, opus)

    event = go.click(run, [clip, choice, opus], [status, sound, scores], concurrency_id="scores",
                     concurrency_limit=studio.settings.concurrency, api_visibility="private",
                     show_progress="minimal")
    stop.click(lambda: note("Cancelled."), None, status, cancels=[event], queue=False,
               api_visibility="private")


def side_by_side(studio: Studio, clip: Clip | None, rates: Sequence[float], opus: bool
                 ) -> Iterator[tuple[Any, ...]]:
    """Sounds first, as each is made; then a score for each."""
    if clip is None:
        yield alert(NO_CLIP), gr.skip(), gr.skip()
        return
    names = [ORIGINAL, *(f"{rate:g} kbps" for rate in sorted(rates))]
    if opus:
        names += [OPUS.format(kbps) for kbps in sorted({max(6.0, rate) for rate in rates})]
    versions: list[Version] = []
    try:
        for name in names:
            yield note(f"Making {name} …"), gr.skip(), gr.skip()
            versions.append(make_version(studio, clip, name))
        yield note(clip.name), player_value(_tracks(versions), keep=False), _score_table(versions)
        for version in versions[1:]:
            version.measure(studio, clip)
            yield gr.skip(), gr.skip(), _score_table(versions)
    except CodecError as error:
        yield alert(plain_message(error)), gr.skip(), gr.skip()


def _tracks(versions: Sequence[Version]) -> list[Track]:
    return [Track(v.name, f"{v.num_bytes / 1000:,.2f} kB", v.path) for v in versions]


def _score_table(versions: Sequence[Version]) -> str:
    return table(HEAD, [(v.name, f"{v.num_bytes:,}", f"{v.kbps:.2f}", *v.score_words())
                        for v in versions])


def _build_blind(studio: Studio, clip: gr.State, book: VoteBook, has_opus: bool) -> None:
    names = version_names(studio, has_opus)
    gr.Markdown("### Blind trial")
    with gr.Row(equal_height=True):
        mode = gr.Radio([("ABX: which one is X?", "ABX"), ("A/B: which sounds better?", "AB")],
                        value="ABX", label="Question")
        first = gr.Dropdown(names, value=names[0], label="First candidate", filterable=False)
        second = gr.Dropdown(names, value=names[min(len(names), len(studio.rates_kbps)) // 2],
                             label="Second candidate", filterable=False)
    start = gr.Button("New trial", variant="primary", elem_id="trial-start")
    sound = player("Blind trial", "trial-player")
    with gr.Row():
        vote_a = gr.Button("A", interactive=False, elem_id="vote-a")
        vote_b = gr.Button("B", interactive=False, elem_id="vote-b")
    verdict = gr.HTML(note("The answer stays here until you vote."), elem_id="verdict")
    votes_file = gr.DownloadButton("Download my votes (CSV)", size="sm", interactive=False)
    trial, votes = gr.State(None, time_to_live=3600), gr.State([], time_to_live=86_400)

    def begin(clip: Clip | None, mode: str, first: str, second: str) -> list[Any]:
        return begin_trial(studio, clip, mode, (first, second))

    def vote(choice: str, trial: Trial | None, votes: list[Vote]) -> list[Any]:
        return cast_vote(studio, book, choice, trial, votes)

    common = {"api_visibility": "private", "concurrency_limit": studio.settings.concurrency}
    start.click(begin, [clip, mode, first, second], [verdict, trial, sound, vote_a, vote_b],
                concurrency_id="sound", **common)
    after = [verdict, trial, votes, vote_a, vote_b, votes_file]
    vote_a.click(lambda t, v: vote("A", t, v), [trial, votes], after, **common)
    vote_b.click(lambda t, v: vote("B", t, v), [trial, votes], after, **common)


def begin_trial(studio: Studio, clip: Clip | None, mode: str, pair: tuple[str, str]) -> list[Any]:
    """Draw the letters and lay out A, B (and X) under names that tell nothing."""
    off = gr.Button(interactive=False)
    if clip is None:
        return [alert(NO_CLIP), None, player_value([]), off, off]
    if pair[0] == pair[1]:
        return [alert("Choose two different candidates."), None, player_value([]), off, off]
    try:
        trial = new_trial(mode, clip.name, *pair)
        letters = {"A": trial.a, "B": trial.b}
        if trial.x:
            letters["X"] = letters[trial.x]
        tracks = [Track(letter, "", make_version(studio, clip, name, alias="sound").path)
                  for letter, name in letters.items()]
    except CodecError as error:
        return [alert(plain_message(error)), None, player_value([]), off, off]
    words = ("X is A", "X is B") if mode == "ABX" else ("A sounds better", "B sounds better")
    return [note("Listen as long as you like, then vote."), trial,
            player_value(tracks, waveforms=False, keep=False),
            *(gr.Button(word, interactive=True) for word in words)]


def cast_vote(studio: Studio, book: VoteBook, choice: str, trial: Trial | None,
              votes: list[Vote]) -> list[Any]:
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
    return [note(text), None, votes, off, off,
            gr.DownloadButton(value=str(mine), interactive=True)]
