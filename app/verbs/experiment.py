"""`nsvq experiment`: the NSVQ paper's experiments."""

import dataclasses
from importlib import import_module
from pathlib import Path

import click

from training.experiments import EXPERIMENTS


@click.command()
@click.argument("name", type=click.Choice(list(EXPERIMENTS)), metavar="NAME")
@click.option("--quick", is_flag=True, help="Seconds instead of minutes: to see that it works.")
@click.option("--seeds", type=click.IntRange(1), help="Runs to average over.")
@click.option("--methods", metavar="A,B,…", help="Only these methods.")
@click.option(
    "--data", type=click.Path(exists=True, path_type=Path), metavar="DIR",
    help="Recordings (speech) or pictures (images) to use instead of the bundled ones.",
)  # fmt: skip
@click.option(
    "--cifar10", is_flag=True, help="With images: CIFAR-10 in --data, fetched if missing."
)
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), metavar="DIR",
    help="Folder for results; results/NAME if not given.",
)  # fmt: skip
def command(
    *, name: str, quick: bool, seeds: int | None, methods: str | None, data: Path | None,
    cifar10: bool, output: Path | None,
) -> None:  # fmt: skip
    """Run an experiment of the NSVQ paper: distribution, speech or images.

    Writes CSV, JSON and pictures to a folder and prints the tables.
    """
    from rich.console import Console
    from rich.progress import Progress

    from training.experiments.methods import pick_methods

    module = import_module(EXPERIMENTS[name])
    settings = module.QUICK if quick else module.Settings()
    asked = {"seeds": seeds, "data": data, "cifar10": cifar10 or None}
    asked["methods"] = pick_methods(methods) if methods else None
    known = {field.name for field in dataclasses.fields(settings)}
    changes = {option: value for option, value in asked.items() if value is not None}
    for option in changes:
        if option not in known:
            raise click.UsageError(f"--{option} means nothing to the {name} experiment")
    settings = dataclasses.replace(settings, **changes)
    folder = output or Path("results") / name
    folder.mkdir(parents=True, exist_ok=True)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=1.0)
        report = module.run(
            settings,
            folder,
            lambda share, what: bar.update(task, completed=share, description=what),
        )
    click.echo(f"{report}\n\nresults in {folder}")
