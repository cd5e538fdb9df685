"""`nsvq train`: train a model on a folder of recordings."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from training.corpora import Corpus
    from training.recipe import Recipe


@click.command()
@click.option(
    "--recipe",
    "recipe_name",
    default="small",
    metavar="NAME|TOML",
    help="A shipped recipe (small, regression, speech-16k-wide, speech-16k, narrower, finetune) or "
    "a .toml file.  [default: small]",
)
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="SETTING=VALUE",
    help="Replace a setting of the recipe, as in phases.0.steps=300; may be repeated.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Recordings of any format and rate: CORPUS/SPEAKER/CLIP.",
)
@click.option(
    "--corpus",
    "corpora",
    multiple=True,
    metavar="NAME[:PART]",
    help="A corpus to download and train on: librispeech, libritts, vctk, cmu-arctic; may be "
    "repeated.",
)
@click.option(
    "--dev",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Recordings of other speakers, to validate on.  [default: a twentieth of the speakers of "
    "every --corpus]",
)
@click.option(
    "--dev-corpus",
    "dev_corpora",
    multiple=True,
    metavar="NAME[:PART]",
    help="A corpus to download and validate on, as librispeech:dev-clean; may be repeated.",
)
@click.option(
    "--corpora-folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Where downloaded corpora are kept.  [default: ~/.cache/nsvq-codec/corpora]",
)
@click.option(
    "--output",
    "-o",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where state, log and weights go; a run found there goes on.  [default: runs/RECIPE]",
)
@click.option(
    "--from",
    "weights",
    metavar="NAME|PATH",
    help="Start from a checkpoint's weights instead of from principal components.",
)
@click.option(
    "--device", default="cpu", show_default=True, help="Where to train, as torch names it."
)
@click.option(
    "--minutes",
    type=click.FloatRange(min=0),
    help="Stop by then; the same command goes on from there.",
)
@click.option(
    "--validate-every",
    type=click.FloatRange(min=0),
    default=10.0,
    show_default=True,
    metavar="MINUTES",
    help="Minutes between two validations.",
)
@click.option(
    "--dev-clips",
    type=click.IntRange(min=1),
    default=16,
    show_default=True,
    help="About how many clips to validate on.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Print parameters, bitrates, memory and the time it would take; train nothing.",
)
def command(
    *,
    recipe_name: str,
    changes: tuple[str, ...],
    data: Path | None,
    corpora: tuple[str, ...],
    dev: Path | None,
    dev_corpora: tuple[str, ...],
    corpora_folder: Path | None,
    folder: Path | None,
    weights: str | None,
    device: str,
    minutes: float | None,
    validate_every: float,
    dev_clips: int,
    dry_run: bool,
) -> None:
    """Train a codec, or go on with a run that was stopped.

    \b
    nsvq train --recipe small --data DIR --dev OTHER_DIR
    nsvq train --recipe regression --corpus librispeech:train-clean-100 --corpus vctk

    The run's folder gets state.safetensors (to go on from), log.jsonl and tensorboard/, and the
    averaged weights as last.safetensors and, with --dev, best.safetensors: pass either to
    --checkpoint. Ctrl-C ends the step, saves and stops.
    """
    from training.corpora.sources import Sources
    from training.ranks import join, rank
    from training.recipe import load_recipe
    from training.run.estimate import estimate
    from training.run.loop import STATE, FitOptions, fit
    from training.run.run import Run
    from training.run.validation import validation_clips

    if data is None and not corpora:
        raise click.UsageError("give --data (a folder) or --corpus (a name) to train on")
    recipe = load_recipe(recipe_name, changes)
    device = join(device)
    say = _say if rank() == 0 else _say_nothing
    sources = Sources(data, corpora, dev, dev_corpora, corpora_folder)
    corpus, held_out = sources.load(recipe.model.sample_rate, say)
    _describe("training", corpus, corpus.clips, say)
    run = Run(recipe, corpus, device)
    if run.batches.unused:
        say(f"not trained on, without a share in the recipe: {', '.join(run.batches.unused)}")
    if dry_run:
        plan = estimate(run)
        if rank() == 0:
            width = max(map(len, plan)) + 2
            click.echo("\n".join(f"{name:<{width}}{value}" for name, value in plan.items()))
        return
    clips = []
    if held_out is not None:
        clips = validation_clips(held_out, dev_clips)
        _describe("validation", held_out, clips, say)
    folder = folder or Path("runs") / Path(recipe_name).stem
    if weights is not None and (folder / STATE).exists():
        say(f"{folder} holds a run, which goes on; --from {weights} is for a new one")
    elif weights is not None:
        for change in run.start_from(weights):
            say(f"{weights}: {change}")
    stages = _operating_points(recipe)
    options = FitOptions(
        validate_every_s=60.0 * validate_every,
        stop_after_s=float("inf") if minutes is None else 60.0 * minutes,
        watched=f"pesq_wb/{recipe.model.bitrate_kbps(stages[-2 if len(stages) > 1 else 0]):g}kbps",
    )
    fit(run, folder, clips, stages, options, say=say)


def _operating_points(recipe: "Recipe") -> list[int]:
    """Stages to validate at: about a fifth, two fifths, three quarters and all of them."""
    top = recipe.model.num_stages
    return sorted({max(1, round(top * share)) for share in (0.1875, 0.375, 0.75, 1.0)})


def _describe(
    role: str, corpus: "Corpus", clips: "Sequence[np.ndarray]", say: Callable[[str], None]
) -> None:
    """Say what was found to train or validate on, and what couldn't be used."""
    for line in corpus.refused:
        say(f"left out: {line}")
    minutes = sum(map(len, clips)) / corpus.sample_rate / 60
    say(f"{role}: {len(clips)} clips, {minutes:.1f} minutes")


def _say(line: str) -> None:
    click.echo(f"nsvq: {line}", err=True)


def _say_nothing(line: str) -> None:
    """What all processes but the first say."""
