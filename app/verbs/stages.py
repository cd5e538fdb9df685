"""`nsvq stages`: what every stage of a checkpoint is worth."""

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.options import checkpoint_option, json_option, scoring_options
from app.scoring import metric_names, run_session

if TYPE_CHECKING:
    from training.evaluation.statistics.stages import Stage


@click.command()
@click.option(
    "--data",
    type=click.Path(exists=True, path_type=Path),
    required=True,
    help="Folder of recordings.",
)
@checkpoint_option
@click.option(
    "--metrics",
    callback=metric_names,
    default="pesq_wb,stoi",
    show_default=True,
    help="What to score; 'natural' adds judges of naturalness.",
)
@scoring_options
@json_option
def command(*, checkpoint: str, as_json: bool, metrics: tuple[str, ...], **options: Any) -> None:
    """Show how many codewords each stage uses, and PESQ and STOI with all stages up to it.

    All frames have the same number of stages here, as with `nsvq encode --cbr`. Perplexity is that
    of the codes of all recordings together; over few frames it comes out too low (20 frames a
    codeword: by 2.5 %).

    \b
    nsvq stages --data DIR
    nsvq stages --data DIR --metrics pesq_wb,distillmos,speaker
    nsvq stages --data DIR --checkpoint runs/small/best.safetensors --limit 20
    """
    from codec import Codec
    from training.evaluation.session import Session, Settings
    from training.evaluation.statistics.stages import code_clips, describe_stages

    session = Session(Settings(checkpoints=(f"{checkpoint}@cbr",), metrics=metrics, **options))
    codec = Codec.load(checkpoint)
    codes = code_clips(codec, session.clips)
    stages = describe_stages(codec, codes, run_session(session).rows, metrics)
    if as_json:
        click.echo(json.dumps([_plain(asdict(stage)) for stage in stages], indent=2))
        return
    _print(stages, codec.config.codebook_size, codes.shape[1])


def _print(stages: "list[Stage]", codebook_size: int, num_frames: int) -> None:
    from rich.console import Console
    from rich.table import Table

    from training.evaluation.metrics.registry import METRICS

    metrics = list(stages[0].gains)
    columns = (word for name in metrics for word in (METRICS[name].title, "added"))
    table = Table("stage", "kbps", "perplexity", "used", *columns)
    for stage in stages:
        scores = [
            text
            for metric in metrics
            for text in _gain_texts(stage.gains[metric], 4 if METRICS[metric].high == 1.0 else 3)
        ]
        usage = f"{stage.perplexity:.0f}", f"{100 * stage.used_share:.1f} %"
        table.add_row(str(stage.number), f"{stage.kbps:g}", *usage, *scores)
    Console(width=max(44 + 38 * len(metrics), Console().width)).print(table)
    clips = stages[0].gains[metrics[0]].n
    click.echo(f"{clips} clips scored at every rate, {num_frames} frames of {codebook_size} codes")
    busy = sum(2 * stage.perplexity >= codebook_size for stage in stages)
    click.echo(f"perplexity of at least half the codebook: {busy} of {len(stages)} stages")
    for metric in metrics:
        better = 1 if METRICS[metric].higher_is_better else -1
        gains = [stage.gains[metric] for stage in stages[1:]]
        grows = [gain for gain in gains if better * gain.added > 0]
        surely = [gain for gain in gains if min(better * gain.low, better * gain.high) > 0]
        verb = "grows" if better > 0 else "falls"
        click.echo(
            f"{metric} {verb} with {len(grows)} of {len(stages) - 1} stages added, "
            f"with {len(surely)} beyond the 95 % interval"
        )


def _gain_texts(gain: Any, digits: int) -> tuple[str, str]:
    if math.isnan(gain.added):
        return f"{gain.mean:.{digits}f}", ""
    interval = f"{gain.low:.{digits}f} … {gain.high:.{digits}f}"
    return f"{gain.mean:.{digits}f}", f"{gain.added:+.{digits}f} ({interval})"


def _plain(value: Any) -> Any:
    """JSON knows no NaN."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value
