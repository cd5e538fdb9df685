"""`nsvq stages`: what every stage of a checkpoint is worth."""

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.options import checkpoint_option, json_option, scoring_options

if TYPE_CHECKING:
    from training.evaluation.stages import Stage

METRICS = ("pesq_wb", "stoi")


@click.command()
@click.option(
    "--data",
    type=click.Path(exists=True, path_type=Path),
    required=True,
    help="Folder of recordings.",
)
@checkpoint_option
@scoring_options
@json_option
def command(*, checkpoint: str, as_json: bool, **options: Any) -> None:
    """Show how many codewords each stage uses, and PESQ and STOI with all stages up to it.

    Perplexity is that of the codes of all recordings together; over few frames it comes out too
    low (20 frames a codeword: by 2.5 %).

    \b
    nsvq stages --data DIR
    nsvq stages --data DIR --checkpoint runs/small/best.safetensors --limit 20
    """
    from app.verbs.evaluate import run_session
    from codec import Codec
    from training.evaluation.session import Session, Settings
    from training.evaluation.stages import code_clips, describe_stages

    session = Session(Settings(checkpoints=(checkpoint,), metrics=METRICS, **options))
    codec = Codec.load(checkpoint)
    codes = code_clips(codec, session.clips)
    stages = describe_stages(codec, codes, run_session(session).rows, METRICS)
    if as_json:
        click.echo(json.dumps([_plain(asdict(stage)) for stage in stages], indent=2))
        return
    _print(stages, codec.config.codebook_size, codes.shape[1])


def _print(stages: "list[Stage]", codebook_size: int, num_frames: int) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("stage", "kbps", "perplexity", "used", "PESQ-WB", "added", "STOI", "added")
    for stage in stages:
        scores = [
            text
            for metric, digits in zip(METRICS, (3, 4), strict=True)
            for text in _gain_texts(stage.gains[metric], digits)
        ]
        usage = f"{stage.perplexity:.0f}", f"{100 * stage.used_share:.1f} %"
        table.add_row(str(stage.number), f"{stage.kbps:g}", *usage, *scores)
    Console(width=max(116, Console().width)).print(table)
    clips = stages[0].gains[METRICS[0]].n
    click.echo(f"{clips} clips scored at every rate, {num_frames} frames of {codebook_size} codes")
    busy = sum(2 * stage.perplexity >= codebook_size for stage in stages)
    click.echo(f"perplexity of at least half the codebook: {busy} of {len(stages)} stages")
    for metric in METRICS:
        grows = [stage.number for stage in stages[1:] if stage.gains[metric].added > 0]
        surely = [stage.number for stage in stages[1:] if stage.gains[metric].low > 0]
        click.echo(
            f"{metric} grows with {len(grows)} of {len(stages) - 1} stages added, "
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
