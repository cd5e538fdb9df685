"""`nsvq curves`: a training run's log as a picture."""

from pathlib import Path

import click

from codec.output import new_file


@click.command()
@click.argument(
    "logs", nargs=-1, required=True, metavar="RUN...", type=click.Path(exists=True, path_type=Path)
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("curves.png"),
    show_default=True,
    help="PNG to write.",
)
@click.option(
    "--recipe",
    "recipe_name",
    metavar="NAME|TOML",
    help="What the run followed: its phases and rates, for logs that don't hold them, and the size "
    "of its codebooks.",
)
@click.option("--force", is_flag=True, help="Replace a picture that exists.")
def command(logs: tuple[Path, ...], output: Path, recipe_name: str | None, force: bool) -> None:
    """Draw losses, scores, learning rate and codebook use over the steps of a run.

    RUN is a run's folder or its log.jsonl; several are joined, oldest first. Steps that a killed
    run did twice count once.

    \b
    nsvq curves runs/small
    nsvq curves before/log.jsonl runs/speech-16k -o curves.png
    """
    from training.recipe import load_recipe
    from training.run.log import read_logs
    from training.run.log_picture import draw_curves

    recipe = load_recipe(recipe_name) if recipe_name else None
    picture = draw_curves(read_logs(logs), recipe)
    with new_file(output, force) as file:
        file.write(picture)
    click.echo(str(output))
