"""What the verbs that score clips have in common."""

from typing import TYPE_CHECKING

import click

from app.options import comma_words

if TYPE_CHECKING:
    from training.evaluation.session import Session
    from training.evaluation.statistics.results import Results
    from training.evaluation.systems.folders import DecodedFolder


def decoded_folders(
    ctx: click.Context, param: click.Parameter, texts: tuple[str, ...]
) -> "tuple[DecodedFolder, ...]":
    """Callback of an option: `NAME@KBPS=DIR`, each time it is given."""
    from training.evaluation.systems.folders import parse_decoded

    return tuple(parse_decoded(text) for text in texts)


def metric_names(ctx: click.Context, param: click.Parameter, text: str) -> tuple[str, ...]:
    """Callback of an option: metrics between commas, groups replaced by what is in them."""
    from training.evaluation.metrics.registry import expand_groups

    return expand_groups(comma_words(ctx, param, text))


def run_session(session: "Session") -> "Results":
    """Run all jobs under a progress bar on stderr (none if that is not a terminal)."""
    from training.progress import bar

    with bar() as progress:
        task = progress.add_task("scoring", total=len(session.jobs))
        return session.run(lambda row, cached: progress.advance(task))
