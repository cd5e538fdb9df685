"""`nsvq export`: a model's networks for other runtimes."""

import json
from pathlib import Path

import click

from app.options import checkpoint_option, json_option
from codec.errors import OutputError


@click.command()
@click.option(
    "--format",
    type=click.Choice(["onnx"]),
    default="onnx",
    show_default=True,
    help="What to write.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    metavar="DIR",
    help="Folder to write into; made if it is missing.",
)
@click.option("--force", "-f", is_flag=True, help="Replace files that exist.")
@checkpoint_option
@json_option
def command(*, format: str, output: Path, force: bool, checkpoint: str, as_json: bool) -> None:
    """Write a model's encoder and decoder for other runtimes.

    encoder.onnx turns a wave into codes, decoder.onnx codes into a wave, both of whole recordings.
    docs/onnx.md has their inputs and outputs.

    \b
    nsvq export --format onnx -o DIR
    """
    import onnx  # noqa: F401 - a missing package is told before a folder is made

    from codec.catalog import find_checkpoint
    from codec.export import export

    path = find_checkpoint(checkpoint)
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{output}: can't be made ({error.strerror})") from error
    written = export(path, output, format, force=force)
    if as_json:
        files = [{"output": str(file), "bytes": file.stat().st_size} for file in written]
        click.echo(json.dumps(files, indent=2))
        return
    for file in written:
        click.echo(f"{file}: {file.stat().st_size / 1e6:,.1f} MB")
