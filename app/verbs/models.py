"""`nsvq models`: the checkpoints at hand."""

import json

import click

from app.options import json_option
from app.verbs.info import checkpoint_facts
from codec.catalog import (
    CHECKPOINT_FOLDERS,
    DEFAULT_CHECKPOINT,
    list_checkpoints,
    read_checkpoint_info,
)
from codec.errors import CheckpointError


@click.command()
@json_option
def command(as_json: bool) -> None:
    """List the checkpoints at hand; the one marked * is used unless --checkpoint says otherwise."""
    found = [checkpoint_facts(read_checkpoint_info(path)) for path in list_checkpoints().values()]
    if not found:
        raise CheckpointError(
            f"{CHECKPOINT_FOLDERS[0]}: no checkpoint here; `nsvq train` makes one"
        )
    if as_json:
        click.echo(json.dumps({"default": DEFAULT_CHECKPOINT, "checkpoints": found}, indent=2))
        return
    for facts in found:
        mark = "*" if facts["name"] == DEFAULT_CHECKPOINT else " "
        rates = facts["bitrates_kbps"]
        click.echo(
            f"{mark} {facts['name']:<16} {rates[0]:g} to {rates[-1]:g} kbps, "
            f"{facts['sample_rate']:,} Hz, {facts['num_parameters'] / 1e6:.1f} M parameters, "
            f"{facts['bytes'] / 1e6:.1f} MB, delay {facts['delay_ms']:g} ms"
        )
