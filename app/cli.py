"""The command `nsvq`: verbs that load when used, and errors as one line on stderr.

Exit codes: 0 done, 1 something is wrong with the data or the machine, 2 with the command line,
130 interrupted.
"""

import os
import signal
import sys
import traceback
from importlib import import_module
from typing import Any, NamedTuple, NoReturn

import click

from app.version import version
from codec.errors import CodecError


class Verb(NamedTuple):
    """Where a verb lives and what `nsvq --help` says about it without loading it."""

    module: str
    summary: str
    extra: str = ""
    """The extra whose packages the verb needs, if any."""


VERBS = {
    "encode": Verb("app.verbs.encode", "Compress recordings to .nsvq files."),
    "decode": Verb("app.verbs.decode", "Rebuild recordings from .nsvq files."),
    "tokens": Verb(
        "app.verbs.tokens", "Turn a corpus into shards of codes for speech models.", "tokens"
    ),
    "trim": Verb("app.verbs.trim", "Cut a .nsvq file to a lower bitrate."),
    "info": Verb("app.verbs.info", "Show what .nsvq files and checkpoints hold."),
    "reconstruct": Verb(
        "app.verbs.reconstruct", "Hear and measure what the codec makes of a recording.", "evaluate"
    ),
    "models": Verb("app.verbs.models", "List the checkpoints at hand."),
    "train": Verb("app.verbs.train", "Train a model.", "train"),
    "curves": Verb("app.verbs.curves", "Draw the log of a training run.", "train"),
    "evaluate": Verb("app.verbs.evaluate", "Score bitrate against quality.", "evaluate"),
    "stages": Verb("app.verbs.stages", "Show what each stage of a model is worth.", "evaluate"),
    "bench": Verb("app.verbs.bench", "Measure speed and memory.", "evaluate"),
    "experiment": Verb(
        "app.verbs.experiment", "Run an experiment of the NSVQ paper.", "experiment"
    ),
    "demo": Verb("app.verbs.demo", "Open the listening room in a browser.", "demo"),
}


class VerbGroup(click.Group):
    """A group whose verbs are imported when one is used, not when they are listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        try:
            command: click.Command = import_module(VERBS[cmd_name].module).command
        except ModuleNotFoundError as error:
            raise _missing(cmd_name, error) from error
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl([(name, verb.summary) for name, verb in VERBS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            raise _missing(ctx.invoked_subcommand, error) from error

    def main(self, *args: Any, **extra: Any) -> Any:
        extra |= {"standalone_mode": False, "prog_name": "nsvq"}
        try:
            result = super().main(*args, **extra)
            sys.stdout.flush()
            sys.exit(result if isinstance(result, int) else 0)
        except Exception as error:
            sys.exit(_report(error))
        except KeyboardInterrupt:
            sys.exit(_say("interrupted", 130))


def _report(error: Exception) -> int:
    """Print `error` as one line on stderr; the exit code it deserves."""
    if os.environ.get("NSVQ_TRACEBACK"):
        traceback.print_exception(error)
    match error:
        case BrokenPipeError():
            # Nobody reads on; keep the interpreter from complaining about it when it closes stdout.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            return 1
        case click.exceptions.Abort():
            return _say("interrupted", 130)
        case click.exceptions.NoArgsIsHelpError():
            error.show()
            return 2
        case click.UsageError(ctx=ctx):
            path = ctx.command_path if ctx else "nsvq"
            return _say(f"{error.format_message()} (see {path} --help)", 2)
        case click.ClickException():
            return _say(error.format_message(), error.exit_code)
        case CodecError():
            return _say(str(error), 1)
        case OSError(filename=str() as name, strerror=str() as reason):
            return _say(f"{name}: {reason}", 1)
        case MemoryError():
            return _say("out of memory", 1)
    return _say(
        f"unexpected {type(error).__name__}: {error} (a bug; NSVQ_TRACEBACK=1 shows where)", 1
    )


def _terminate(number: int, frame: object) -> NoReturn:
    """Leave as Ctrl-C does, so that half-written files are removed."""
    sys.exit(_say("interrupted", 128 + number))


def _say(message: str, exit_code: int) -> int:
    click.echo(f"nsvq: {' '.join(message.split())}", err=True)
    return exit_code


def _missing(verb: str | None, error: ModuleNotFoundError) -> Exception:
    """What to say when `verb` needs a module that is not there."""
    if verb not in VERBS:
        return error
    if error.name == VERBS[verb].module:
        return click.ClickException(f"{verb} is not part of this version")
    package = (error.name or "").partition(".")[0]
    if package in ("app", "training", "codec"):
        return error
    extra = VERBS[verb].extra
    name = f"nsvq-codec[{extra}]" if extra else "nsvq-codec"
    return click.ClickException(f"{verb} needs {package}, which is missing: pip install '{name}'")


@click.group(cls=VerbGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version(), prog_name="nsvq")
def cli() -> None:
    """A neural speech codec: 16 kHz speech in a few kbps.

    \b
    nsvq encode speech.wav             writes speech.nsvq
    nsvq decode speech.nsvq            writes speech.wav
    nsvq encode DIR -o DIR2 --bitrate 3
    """


def main() -> None:
    """Entry point of the installed command."""
    signal.signal(signal.SIGTERM, _terminate)
    cli.main()
