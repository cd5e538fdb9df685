"""Where `nsvq` starts: Ctrl-C is heeded while the rest is imported."""

import os
import signal


def main() -> None:
    """Entry point of the installed command."""
    if signal.getsignal(signal.SIGINT) == signal.default_int_handler:  # not under nohup, say
        signal.signal(signal.SIGINT, _leave)
    from app.cli import main as run

    run()


def _leave(number: int, frame: object) -> None:
    """End at once, in one line: nothing was begun that must be removed."""
    try:
        os.write(2, b"nsvq: interrupted\n")
    finally:
        os._exit(128 + number)
