"""Start the demo, keep it running, clean up after it."""

import ctypes
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from app.demo.settings import DemoSettings
from app.demo.shelf import Shelf

if TYPE_CHECKING:
    from app.demo.studio import Studio

SESSIONS = 100
"""Visitors whose page Gradio remembers, 0.4 MB each; who comes back later starts afresh."""
M_ARENA_MAX = -8
"""Of glibc's `mallopt`."""


@contextmanager
def running_demo(settings: DemoSettings) -> Iterator[str]:
    """The demo's address while it runs; files and workers are gone afterwards.

    Raises:
        CheckpointError: the checkpoint can't be loaded.
        OSError: the port is taken.
    """
    with ExitStack() as cleanup:
        shelf = Shelf(60.0 * settings.keep_minutes)
        cleanup.callback(shelf.close)
        os.environ |= {"GRADIO_TEMP_DIR": str(shelf.root), "GRADIO_ANALYTICS_ENABLED": "False"}
        studio = _open_studio(settings, shelf)
        cleanup.callback(studio.close)
        page, address = _launch(settings, studio)
        cleanup.callback(page.close, verbose=False)
        shelf.start_sweeping()
        studio.warm_up()
        yield address


def _open_studio(settings: DemoSettings, shelf: Shelf) -> "Studio":
    """The model, loaded once for everybody."""
    from app.demo.studio import Studio
    from codec import Codec

    return Studio(Codec.load(settings.checkpoint, device=settings.device), shelf, settings)


def _launch(settings: DemoSettings, studio: "Studio") -> tuple[Any, str]:
    from starlette.middleware import Middleware

    from app.demo.examples import FOLDER
    from app.demo.gate import Gate, Rules
    from app.demo.page import build_page, build_theme, number_inputs
    from app.demo.page.player import ASSETS

    page = build_page(studio)
    rules = Rules(
        (studio.shelf.root, FOLDER.resolve()),
        settings.max_request_bytes,
        number_inputs(page),
    )
    _, local, shared = page.launch(
        server_name=settings.host,
        server_port=settings.port or None,
        share=settings.share,
        max_file_size=settings.max_upload_bytes,
        prevent_thread_lock=True,
        quiet=True,
        inbrowser=False,
        ssr_mode=False,
        enable_monitoring=False,
        footer_links=["api"],
        state_session_capacity=SESSIONS,
        allowed_paths=[str(FOLDER)],
        theme=build_theme(),
        css_paths=[ASSETS / "page.css"],
        app_kwargs={"middleware": [Middleware(Gate, rules=rules)]},
    )
    return page, shared or local


def keep_few_arenas() -> None:
    """Let glibc's threads share two pools of memory: with one each, as many as the machine has
    cores times eight, what visitors' requests freed was kept (docs/robustness.md, soak)."""
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL("libc.so.6").mallopt(M_ARENA_MAX, 2)


def serve(settings: DemoSettings, announce: Callable[[str], None]) -> None:
    """Run until Ctrl-C or SIGTERM."""
    keep_few_arenas()
    told: list[int] = []  # not an Event: a handler that waits for its lock waits for itself
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
    with running_demo(settings) as address:
        announce(address)
        try:
            while not told:
                time.sleep(0.2)
        except KeyboardInterrupt:
            return
