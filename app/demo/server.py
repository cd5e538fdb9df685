"""Start the demo, keep it running, clean up after it."""

import os
import signal
import threading
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from app.demo.settings import DemoSettings
from app.demo.shelf import Shelf

if TYPE_CHECKING:
    from app.demo.studio import Studio

POLICY = "; ".join(
    [
        "default-src 'self'",
        "base-uri 'self'",
        "object-src 'none'",
        "frame-src 'self' data: blob:",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' data: blob:",
        "worker-src 'self' blob:",
    ]
)
"""Whatever Gradio may want to fetch from elsewhere, the browser refuses."""
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]


class SecurityHeaders:
    """ASGI middleware that adds `HEADERS` to every answer."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Any, send: Send) -> None:
        """Pass the request on; add the headers on the way back."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = [*message.get("headers", []), *extra]
            await send(message)

        await self.app(scope, receive, send_with_headers)


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
    from app.demo.page import build_page, build_theme
    from app.demo.page.player import ASSETS

    page = build_page(studio)
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
        state_session_capacity=500,
        allowed_paths=[str(FOLDER)],
        theme=build_theme(),
        css_paths=[ASSETS / "page.css"],
        app_kwargs={"middleware": [Middleware(SecurityHeaders)]},
    )
    return page, shared or local


def serve(settings: DemoSettings, announce: Callable[[str], None]) -> None:
    """Run until Ctrl-C or SIGTERM."""
    stop = threading.Event()
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with running_demo(settings) as address:
        announce(address)
        try:
            while not stop.wait(0.5):
                pass
        except KeyboardInterrupt:
            return
