"""Options of packets that get lost, and what they mean."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from app.options import comma_words
from codec.errors import ConfigError, EvaluationError

if TYPE_CHECKING:
    from codec.live.redundancy import Redundancy

Function = TypeVar("Function", bound=Callable[..., Any])


def percents(
    ctx: click.Context | None, parameter: click.Parameter | None, text: str
) -> tuple[float, ...]:
    """Callback of an option: percentages between commas, as shares.

    >>> percents(None, None, "0,20")
    (0.0, 0.2)
    """
    try:
        found = tuple(float(word) / 100.0 for word in comma_words(ctx, parameter, text))
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a list of numbers like 0,5,10") from None
    if not all(0.0 <= share < 1.0 for share in found):
        raise click.BadParameter(f"{text!r}: expected percentages from 0 to below 100")
    return found


def parse_copies(
    ctx: click.Context | None, parameter: click.Parameter | None, texts: tuple[str, ...]
) -> "tuple[Redundancy, ...]":
    """Callback of an option: `STAGES:PACKETS`, each time it is given.

    >>> parse_copies(None, None, ("3:2",))
    (Redundancy(num_stages=3, distance=2),)
    """
    from codec.live.redundancy import Redundancy

    try:
        return tuple(dict.fromkeys(map(Redundancy.parse, texts)))
    except ConfigError as error:
        raise click.BadParameter(str(error)) from None


def loss_options(function: Function) -> Function:
    """`--loss`, `--burst`, `--copies`, `--dtx`, `--vbr` and `--pause`."""
    for option in (
        click.option(
            "--pause",
            "pause_s",
            type=click.FloatRange(0.0, 3_600.0),
            default=0.0,
            metavar="SECONDS",
            help="With --loss: background to send before and after each clip; it isn't scored.",
        ),
        click.option(
            "--vbr",
            "packet_vbr",
            is_flag=True,
            help="With --loss: packets of all lengths, the bitrate on average.",
        ),
        click.option("--dtx", is_flag=True, help="With --loss: send nothing while nobody speaks."),
        click.option(
            "--copies",
            multiple=True,
            callback=parse_copies,
            metavar="STAGES:PACKETS",
            help="With --loss: repeat the first stages of each frame so many packets later, within "
            "the bitrate; may be repeated, 0:0 repeats nothing.",
        ),
        click.option(
            "--burst",
            default=2.0,
            show_default=True,
            metavar="PACKETS",
            help="With --loss: packets lost in a row, on average.",
        ),
        click.option(
            "--loss",
            callback=percents,
            default="",
            metavar="PERCENT,...",
            help="Send packets and lose that share of them, seeded; of the peers only opus can.",
        ),
    ):
        function = option(function)
    return function


def lossy_settings(
    loss: tuple[float, ...], burst: float, options: Mapping[str, Any]
) -> dict[str, Any]:
    """The channels, and the copies to try, as settings of a session.

    Raises:
        EvaluationError: no channel loses packets like that.
        click.UsageError: an option that goes with --loss alone, or doesn't go with it.
    """
    from codec.live.redundancy import NONE
    from training.evaluation.systems.lossy import Channel
    from training.evaluation.systems.system import split_options

    if not loss:
        if any(options[name] for name in ("copies", "dtx", "packet_vbr", "pause_s")):
            raise click.UsageError("--copies, --dtx, --vbr and --pause need --loss, be it --loss 0")
        return {"copies": (NONE,)}
    if options["decoded"]:
        raise click.UsageError("--decoded doesn't go with --loss: its packets can't get lost")
    for text in options["checkpoints"]:
        _, _, vbr = split_options(text.rpartition("=")[2])
        if not vbr:
            raise click.UsageError(
                f"--checkpoint {text} doesn't go with --loss: @cbr is of files, and packets are of "
                "constant bitrate unless --vbr is given"
            )
    try:
        channels = tuple(Channel(share, burst, options["seed"]) for share in loss)
    except ConfigError as error:
        raise EvaluationError(str(error)) from error
    return {"channels": channels, "copies": options["copies"] or (NONE,)}
