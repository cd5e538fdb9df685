"""`nsvq models`: the checkpoints at hand."""

import json

import click

from app.checkpoint_facts import checkpoint_facts
from app.options import json_option
from codec.catalog import (
    DEFAULT,
    FOLDER,
    describe_checkpoint,
    shipped_checkpoints,
)
from codec.errors import CheckpointError


@click.command()
@json_option
def command(as_json: bool) -> None:
    """List the checkpoints at hand; the one marked * is used unless --checkpoint says otherwise."""
    found = [checkpoint_facts(describe_checkpoint(path)) for path in shipped_checkpoints()]
    if not found:
        raise CheckpointError(f"{FOLDER}: no checkpoint here; `nsvq train` makes one")
    if as_json:
        click.echo(json.dumps({"default": DEFAULT, "checkpoints": found}, indent=2))
        return
    for facts in found:
        mark = "*" if facts["name"] == DEFAULT else " "
        rates = facts["bitrates_kbps"]
        click.echo(
            f"{mark} {facts['name']:<16} {rates[0]:g} to {rates[-1]:g} kbps, "
            f"{facts['sample_rate']:,} Hz, {facts['num_parameters'] / 1e6:.1f} M parameters, "
            f"{facts['bytes'] / 1e6:.1f} MB, delay {facts['delay_ms']:g} ms"
        )
