"""`nsvq tokens`: a corpus into shards of codes, for speech models to be trained on."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.coding import nearest_note
from app.options import (
    checkpoint_option,
    effort_option,
    engine_options,
    rate_options,
)

if TYPE_CHECKING:
    from app.tokens.engine import Pool
    from app.tokens.recording import Settings
    from app.tokens.run import Summary


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="IN...")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    metavar="OUT",
    help="Folder of the shards; one that holds some already is completed.",
)
@rate_options
@checkpoint_option
@effort_option
@click.option("--device", default="cpu", show_default=True, help="Where the network runs.")
@click.option(
    "--format",
    type=click.Choice(["parquet", "webdataset", "npz"]),
    default="parquet",
    show_default=True,
    help="What a shard is.",
)
@click.option(
    "--shard-mb",
    type=click.FloatRange(min=0, min_open=True),
    default=256.0,
    show_default=True,
    help="Size of a shard.",
)
@click.option(
    "--audio-column", metavar="NAME", help="The manifests' column with the audio (path or bytes)."
)
@click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where relative paths in manifests start; each manifest's own folder if not given.",
)
@click.option("--limit", type=click.IntRange(1), help="Code so many recordings at most, then end.")
@engine_options
@click.option(
    "--jobs",
    "num_jobs",
    type=click.IntRange(0),
    help="Workers; by default one for each core, or GPU. 0 works in this process.",
)
@click.option("--json", "as_json", is_flag=True, help="Tell what was done as JSON.")
def command(
    *,
    inputs: tuple[str, ...],
    output: Path,
    bitrate: float | None,
    stages: int | None,
    checkpoint: str,
    effort: int,
    device: str,
    format: str,
    shard_mb: float,
    audio_column: str | None,
    root: Path | None,
    limit: int | None,
    engine: str,
    address: str | None,
    num_jobs: int | None,
    as_json: bool,
) -> None:
    """Turn a corpus into shards of codes for speech models.

    IN is a folder, a recording, a pattern, a manifest (.csv, .tsv, .jsonl, .parquet), Lhotse cuts
    (.jsonl.gz), a WebDataset shard (.tar) or a folder that `datasets` saved. A run that was
    stopped goes on when the same command is given again; recordings that can't be coded are
    listed in OUT/failures.parquet. Every frame has the same number of codes.

    \b
    nsvq tokens DIR -o TOKENS --bitrate 3
    nsvq tokens cuts.jsonl.gz -o TOKENS --jobs 8
    nsvq tokens 'data/*.parquet' -o TOKENS --engine ray --address auto
    """
    from app.tokens.run import run
    from app.tokens.sources import Sources

    settings = _settings(checkpoint, bitrate, stages, effort, device)
    summary = run(
        Sources(inputs, audio_column, root),
        settings,
        output,
        make_pool=_pool_maker(engine, settings, num_jobs, address),
        format=format,
        shard_bytes=shard_mb * 1e6,
        limit=limit,
    )
    click.echo(json.dumps(asdict(summary), indent=2) if as_json else _told(summary, output))
    if summary.failed and not (summary.coded or summary.done_before):
        raise click.ClickException(
            f"no recording could be coded; {output}/failures.parquet has why"
        )


def _settings(
    checkpoint: str, bitrate: float | None, stages: int | None, effort: int, device: str
) -> "Settings":
    """The options, checked against the checkpoint before any worker starts."""
    from app.tokens.recording import Settings
    from codec.catalog import describe_checkpoint, find_checkpoint
    from codec.errors import ConfigError

    info = describe_checkpoint(find_checkpoint(checkpoint))
    config = info.config
    num_stages = config.num_stages if stages is None else stages
    if bitrate is not None:
        num_stages = config.stages_for(bitrate)
        for note in nearest_note(bitrate, config.bitrate_kbps(num_stages)):
            click.echo(f"nsvq: {note}", err=True)
    if not 1 <= num_stages <= config.num_stages:
        raise ConfigError(
            f"{num_stages} stages asked for; {info.name} has 1 to {config.num_stages}"
        )
    return Settings(str(info.path.resolve()), num_stages, info.model_id.hex(), effort, device)


def _pool_maker(
    engine: str, settings: "Settings", num_jobs: int | None, address: str | None
) -> "Callable[[], Pool]":
    if engine == "ray":
        from app.tokens.ray_engine import RayPool

        return lambda: RayPool(settings, num_jobs, address)
    from app.tokens.local import HerePool, ProcessPool

    if num_jobs == 0:
        return lambda: HerePool(settings)
    num_cores = os.cpu_count() or 1
    return lambda: ProcessPool(settings, num_jobs or (num_cores if settings.device == "cpu" else 1))


def _told(summary: "Summary", output: Path) -> str:
    speed = summary.hours * 3600.0 / max(summary.elapsed_s, 1e-9)
    text = (
        f"{output}: {summary.coded:,} recordings, {summary.hours:,.2f} h in {summary.shards:,} "
        f"shards, {summary.bytes / 1e6:,.1f} MB, {speed:,.0f} × real time"
    )
    if summary.done_before:
        text += f"; {summary.done_before:,} were there before"
    if summary.failed:
        text += f"; {summary.failed:,} failed, see {output}/failures.parquet"
    return text
