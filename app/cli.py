"""The command `nsvq`: verbs that load when used, and errors as one line on stderr.

Exit codes: 0 done, 1 something is wrong with the data or the machine, 2 with the command line,
130 interrupted.
"""

import difflib
import os
import sys
import traceback
from importlib import import_module
from typing import Any, NamedTuple

import click

from app.failures import reason_of
from app.terminal import flush_stdout, forget_stdout, prepare, say
from app.version import version


class Verb(NamedTuple):
    """Where a verb lives and what `nsvq --help` says about it without loading it."""

    module: str
    summary: str
    extra: str = ""
    """The extra whose packages the verb needs, if any."""


VERBS = {
    "encode": Verb("app.verbs.encode", "Compress recordings to .nsvq files."),
    "decode": Verb("app.verbs.decode", "Rebuild recordings from .nsvq files."),
    "play": Verb("app.verbs.play", "Hear .nsvq files.", "play"),
    "live": Verb(
        "app.verbs.live", "Talk through the codec, on one machine or between two.", "live"
    ),
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
    "average": Verb("app.verbs.average", "Average checkpoints of a training run.", "train"),
    "refit": Verb("app.verbs.refit", "Fit codebooks to a checkpoint's network.", "train"),
    "curves": Verb("app.verbs.curves", "Draw the log of a training run.", "train"),
    "evaluate": Verb("app.verbs.evaluate", "Score bitrate against quality.", "evaluate"),
    "stages": Verb("app.verbs.stages", "Show what each stage of a model is worth.", "train"),
    "listen-page": Verb(
        "app.verbs.listen_page", "Make a page to hear codecs beside each other.", "evaluate"
    ),
    "bench": Verb("app.verbs.bench", "Measure speed and memory.", "evaluate"),
    "experiment": Verb(
        "app.verbs.experiment", "Run an experiment of the NSVQ paper.", "experiment"
    ),
    "conformance": Verb(
        "app.verbs.conformance", "Check that this installation codes as others do."
    ),
    "export": Verb("app.verbs.export", "Write a model's networks for other runtimes.", "onnx"),
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

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in VERBS and not name.startswith("-"):
            close = difflib.get_close_matches(name, VERBS, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(VERBS)}"
            ctx.fail(f"No such verb {name!r}; {hint}")
        return super().resolve_command(ctx, args)

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
            flush_stdout()
            sys.exit(result if isinstance(result, int) else 0)
        except Exception as error:
            sys.exit(_report(error))
        except KeyboardInterrupt:
            sys.exit(say("interrupted", 130))


def _report(error: Exception) -> int:
    """Print `error` as one line on stderr; the exit code it deserves."""
    if os.environ.get("NSVQ_TRACEBACK"):
        traceback.print_exception(error)
    match error:
        case BrokenPipeError():
            forget_stdout()
            return 1
        case click.exceptions.Abort():
            return say("interrupted", 130)
        case click.exceptions.NoArgsIsHelpError():
            error.show()
            return 2
        case click.UsageError(ctx=ctx):
            path = ctx.command_path if ctx else "nsvq"
            return say(f"{error.format_message()} (see {path} --help)", 2)
        case click.ClickException():
            return say(error.format_message(), error.exit_code)
        case OSError(filename=None, strerror=str() as reason):
            forget_stdout()  # files are opened by name: what has none is standard output
            return say(f"standard output: can't be written ({reason})", 1)
    return say(reason_of(error), 1)


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
@click.version_option(version(), "--version", "-V", prog_name="nsvq")
def cli() -> None:
    """A neural speech codec: 16 kHz speech in a few kbps.

    \b
    nsvq encode speech.wav             writes speech.nsvq
    nsvq decode speech.nsvq            writes speech.wav
    nsvq encode DIR -o DIR2 --bitrate 3
    """


def main() -> None:
    """Run a verb, in a process of its own."""
    # Threads of several processes would wait for each other; numpy reads this when it is imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    prepare()
    cli.main()
