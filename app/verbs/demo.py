"""`nsvq demo`: the listening room in a browser."""

import os
import sys
import webbrowser
from collections.abc import Mapping
from pathlib import Path

import click

from codec.errors import CodecError


@click.command(name="demo")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; 0.0.0.0 lets other machines in.",
)
@click.option(
    "--port",
    default=7860,
    show_default=True,
    type=click.IntRange(0, 65_535),
    help="Port to listen on; 0 takes a free one.",
)
@click.option("--share", is_flag=True, help="Ask Gradio for a temporary public link.")
@click.option(
    "--max-minutes",
    default=5.0,
    show_default=True,
    type=click.FloatRange(0, 60, min_open=True),
    help="Longest recording accepted.",
)
@click.option(
    "--concurrency",
    default=2,
    show_default=True,
    type=click.IntRange(1, 64),
    help="Clips computed at the same time; the others queue.",
)
@click.option(
    "--checkpoint",
    default="default",
    show_default=True,
    help="Name of a shipped checkpoint, or a path.",
)
@click.option(
    "--keep-minutes",
    default=60.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="Minutes after which uploads and results are deleted.",
)
@click.option("--device", default="cpu", show_default=True, help="Where the network runs.")
@click.option(
    "--votes",
    default=Path("results/votes.csv"),
    show_default=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="CSV that blind votes are added to.",
)
@click.option(
    "--report",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="HTML report of `nsvq evaluate` to show on the Evaluate tab.",
)
@click.option(
    "--browser/--no-browser",
    default=True,
    help="Open the page once it is ready, on a desktop and from a terminal.",
)
def command(*, browser: bool, **options: object) -> None:
    """Listen to the codec in a browser: upload or record, choose a bitrate, compare, trim."""
    from app.demo.settings import DemoSettings

    settings = DemoSettings(**options)  # type: ignore[arg-type]
    click.echo("Starting the listening room: loading the network and the page …")
    from app.demo.server import serve

    def announce(address: str) -> None:
        click.echo(f"Listening room: {address} (Ctrl-C stops it)")
        if browser and in_terminal() and on_desktop():
            webbrowser.open(address)

    try:
        serve(settings, announce)
    except OSError as error:
        raise CodecError(
            f"port {settings.port} on {settings.host} can't be used ({error}); "
            "choose another with --port"
        ) from error


def in_terminal() -> bool:
    """Whether somebody is there to see a browser open."""
    return sys.stdout.isatty()


def on_desktop(platform: str = sys.platform, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether a window can be opened here: not through SSH, and not without a display.

    >>> on_desktop("linux", {"DISPLAY": ":0"}), on_desktop("linux", {}), on_desktop("darwin", {})
    (True, False, True)
    >>> on_desktop("darwin", {"SSH_CONNECTION": "10.0.0.2 5022 10.0.0.1 22"})
    False
    """
    if "SSH_CONNECTION" in environment:
        return False
    return platform in ("darwin", "win32") or bool(
        environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")
    )
