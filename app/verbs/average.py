"""`nsvq average`: the mean of several checkpoints of a run."""

from pathlib import Path

import click

from app.options import checkpoint_output_options
from codec.config import PARTS
from codec.errors import TrainingError
from codec.output import check_target


@click.command()
@click.argument(
    "checkpoints", nargs=-1, required=True, metavar="CHECKPOINT...", type=click.Path(path_type=Path)
)
@click.option(
    "--share",
    "shares",
    multiple=True,
    type=float,
    help="What a checkpoint counts for, once for each in their order; all alike if not given.",
)
@click.option(
    "--part",
    "parts",
    multiple=True,
    type=click.Choice(PARTS),
    help="Average this part only, the others are the last checkpoint's; may be given twice.",
)
@checkpoint_output_options
def command(
    checkpoints: tuple[Path, ...],
    shares: tuple[float, ...],
    parts: tuple[str, ...],
    output: Path,
    force: bool,
) -> None:
    """Average the weights of checkpoints of one run, which may sound better than any of them.

    Codewords and metadata are those of the last one; `trained_on` is of all of them.

    \b
    nsvq average a.safetensors b.safetensors -o mean.safetensors
    nsvq average a.safetensors b.safetensors --share 0.3 --share 0.7 -o mean.safetensors
    nsvq average a.safetensors b.safetensors --share 1 --share 0 --part refiner -o mixed.safetensors
    """
    from codec.backends.torch_checkpoint import save_checkpoint
    from codec.catalog import find_checkpoint
    from training.run.averaging import averaged, check_shares

    shares = shares or (1.0,) * len(checkpoints)
    try:
        check_shares(len(checkpoints), shares)
    except TrainingError as error:
        raise click.UsageError(f"--share: {error}") from error
    check_target(output, force)
    paths = [find_checkpoint(path) for path in checkpoints]
    model, metadata = averaged(paths, shares, parts or PARTS)
    save_checkpoint(output, model, metadata)
    click.echo(str(output))
