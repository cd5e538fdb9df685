"""Options that several verbs share, and what a bitrate asked for means."""

import functools
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from app.batch import Manner

Function = TypeVar("Function", bound=Callable[..., Any])


def _not_both(ctx: click.Context, parameter: click.Parameter, value: int | None) -> int | None:
    if value is not None and ctx.params.get("bitrate") is not None:
        raise click.UsageError("--bitrate and --stages say the same thing; give one of them")
    return value


def comma_words(
    ctx: click.Context | None, parameter: click.Parameter | None, text: str
) -> tuple[str, ...]:
    """Callback of an option: the words between commas, each once.

    >>> comma_words(None, None, "opus, codec2,opus")
    ('opus', 'codec2')
    """
    return tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))


def comma_numbers(
    ctx: click.Context | None, parameter: click.Parameter | None, text: str
) -> tuple[float, ...]:
    """Callback of an option: the numbers between commas, all above zero.

    >>> comma_numbers(None, None, "1,1.5")
    (1.0, 1.5)
    """
    try:
        found = tuple(float(word) for word in comma_words(ctx, parameter, text))
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a list of numbers like 1,1.5,3") from None
    if not all(0.0 < value < math.inf for value in found):
        raise click.BadParameter(f"{text!r}: expected numbers above zero")
    return found


def rate_options(function: Function) -> Function:
    """`--bitrate` and `--stages`."""
    for option in (
        click.option(
            "--stages",
            type=int,
            metavar="N",
            callback=_not_both,
            help="Stages to use, instead of a bitrate.",
        ),
        click.option(
            "--bitrate",
            type=float,
            metavar="KBPS",
            is_eager=True,
            help="Kilobits per second of one channel; the nearest on offer below is taken.",
        ),
    ):
        function = option(function)
    return function


vbr_option = click.option(
    "--vbr/--cbr",
    default=True,
    show_default=True,
    help="Variable bitrate: more stages for what is hard to code, fewer for pauses, the bitrate "
    "asked for on average; or the same number of stages throughout.",
)


def output_options(function: Function) -> Function:
    """`--output`, and what becomes a `Manner`: `--force`, `--skip-existing`, `--quiet`, …"""

    @functools.wraps(function)
    def with_manner(
        *, force: bool, skip_existing: bool, quiet: bool, as_json: bool, **options: Any
    ) -> Any:
        if force and skip_existing:
            raise click.UsageError("--force and --skip-existing say opposite things; give one")
        processes = options.pop("num_processes", 1)
        manner = Manner(force, skip_existing, as_json, quiet, processes)
        return function(manner=manner, **options)

    wrapped: Any = with_manner
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Tell what was done as JSON."),
        click.option("--quiet", "-q", is_flag=True, help="Tell nothing but what failed."),
        click.option("--skip-existing", is_flag=True, help="Leave outputs that exist as they are."),
        click.option("--force", "-f", is_flag=True, help="Replace outputs that exist."),
        click.option(
            "--output", "-o", metavar="OUT", help='File or folder to write, or "-" for stdout.'
        ),
    ):
        wrapped = option(wrapped)
    return wrapped


jobs_option = click.option(
    "--jobs",
    "-j",
    "num_processes",
    type=click.IntRange(1, 256),
    metavar="N",
    help="Files at a time, each on one thread of its own.  [default: as many as there are cores]",
)

in_place_option = click.option(
    "--in-place", is_flag=True, help="Write the outputs of a folder between its files."
)

checkpoint_option = click.option(
    "--checkpoint",
    default="default",
    metavar="NAME|PATH",
    help="Weights: a name that `nsvq models` lists, or a file; the shipped ones if not given.",
)

backend_option = click.option(
    "--backend",
    type=click.Choice(["numpy", "torch"]),
    default="numpy",
    show_default=True,
    help="What computes the network; torch is an extra, and takes seconds to start.",
)

device_option = click.option(
    "--device",
    default="cpu",
    show_default=True,
    metavar="NAME",
    help="Where the network runs: cpu, or as torch names it, cuda say (implies --backend torch).",
)

effort_option = click.option(
    "--effort",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    metavar="N",
    help="Hypotheses kept in the search for codes: more come nearer and take longer; 8 takes about "
    "4 times as long to encode at 3 kbps, 8 times at 8.",
)


def checkpoint_output_options(function: Function) -> Function:
    """`--output` and `--force` of a verb that makes one checkpoint of others."""
    for option in (
        click.option("--force", "-f", is_flag=True, help="Replace a checkpoint that exists."),
        click.option(
            "--output",
            "-o",
            type=click.Path(path_type=Path, dir_okay=False),
            required=True,
            help="Checkpoint to write.",
        ),
    ):
        function = option(function)
    return function


def scoring_options(function: Function) -> Function:
    """`--seconds`, `--limit`, `--jobs` and `--cache`: which clips to score, and how."""
    for option in (
        click.option(
            "--cache",
            type=click.Path(path_type=Path),
            default=Path(".cache/evaluate"),
            show_default=True,
            help="Where finished scores are kept.",
        ),
        click.option(
            "--jobs",
            "num_processes",
            type=click.IntRange(0),
            default=os.cpu_count() or 1,
            show_default=True,
            help="Processes at a time; 0 runs all in this one.",
        ),
        click.option("--limit", type=click.IntRange(1), help="Draw so many clips at most."),
        click.option(
            "--seconds",
            type=(float, float),
            default=(0.0, math.inf),
            help="Take clips between two lengths only.",
        ),
    ):
        function = option(function)
    return function


def engine_options(function: Function) -> Function:
    """`--engine` and `--address`."""

    def checked(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
        if value is not None and ctx.params.get("engine") != "ray":
            raise click.UsageError("--address is for --engine ray")
        return value

    for option in (
        click.option(
            "--address",
            metavar="ADDRESS",
            callback=checked,
            help="A running Ray cluster's; else one starts here.",
        ),
        click.option(
            "--engine",
            type=click.Choice(["local", "ray"]),
            default="local",
            show_default=True,
            is_eager=True,
            help="Processes on this machine, or a Ray cluster.",
        ),
    ):
        function = option(function)
    return function


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
