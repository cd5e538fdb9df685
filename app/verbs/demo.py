"""`nsvq demo`: the listening room in a browser."""

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
def command(**options: object) -> None:
    """Listen to the codec in a browser: upload or record, choose a bitrate, compare, trim."""
    from app.demo.server import serve
    from app.demo.settings import DemoSettings

    settings = DemoSettings(**options)  # type: ignore[arg-type]
    try:
        serve(settings, lambda address: click.echo(f"Listening room: {address} (Ctrl-C stops it)"))
    except OSError as error:
        raise CodecError(
            f"port {settings.port} on {settings.host} can't be used ({error}); "
            "choose another with --port"
        ) from error
