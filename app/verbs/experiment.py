"""`nsvq experiment`: the NSVQ paper's experiments."""

import dataclasses
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from training.experiments import EXPERIMENTS


def _read_settings(
    ctx: click.Context, parameter: click.Parameter, pairs: tuple[str, ...]
) -> dict[str, Any]:
    """KEY=VALUE pairs as a dict; a list becomes a tuple."""
    values: dict[str, Any] = {}
    for pair in pairs:
        try:
            values |= tomllib.loads(pair)
        except tomllib.TOMLDecodeError as error:
            raise click.UsageError(f"--set {pair}: not KEY=VALUE with a TOML value") from error
    return {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}


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
    "--set", "changes", multiple=True, callback=_read_settings, metavar="KEY=VALUE",
    help="Another setting, as TOML: --set steps=300 --set bits=[6,8].",
)  # fmt: skip
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), metavar="DIR",
    help="Folder for results; results/NAME if not given.",
)  # fmt: skip
def command(
    *, name: str, quick: bool, seeds: int | None, methods: str | None, data: Path | None,
    changes: dict[str, Any], output: Path | None,
) -> None:  # fmt: skip
    """Run an experiment: distribution, speech or images as in the NSVQ paper, or search.

    Writes CSV, JSON and pictures to a folder and prints the tables. Every setting stands in the
    results' JSON; `--set cifar10=true` with images takes CIFAR-10 instead of photographs.
    """
    from rich.console import Console
    from rich.progress import Progress

    from training.experiments.methods import pick_methods

    module = import_module(EXPERIMENTS[name])
    settings = module.QUICK if quick else module.Settings()
    asked = {"seeds": seeds, "data": data, "methods": pick_methods(methods) if methods else None}
    changes |= {option: value for option, value in asked.items() if value is not None}
    known = [field.name for field in dataclasses.fields(settings)]
    for option in changes:
        if option not in known:
            raise click.UsageError(f"{name} has no setting {option}; it has {', '.join(known)}")
    settings = dataclasses.replace(settings, **changes)
    folder = output or Path("results") / name
    folder.mkdir(parents=True, exist_ok=True)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=1.0)

        def tell(share: float, what: str) -> None:
            bar.update(task, completed=share, description=what)

        report = module.run(settings, folder, tell)
    click.echo(f"{report}\n\nresults in {folder}")
