"""Start the demo, keep it running, clean up after it."""

import os
import signal
import threading
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

from app.demo.settings import DemoSettings
from app.demo.shelf import Shelf

POLICY = "; ".join([
    "default-src 'self'", "base-uri 'self'", "object-src 'none'", "frame-src 'self' data: blob:",
    "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:", "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:", "media-src 'self' data: blob:", "font-src 'self' data:",
    "connect-src 'self' data: blob:", "worker-src 'self' blob:",
])
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
    """The demo's address while it runs; files are gone afterwards.

    Raises:
        CheckpointError: the checkpoint can't be loaded.
        OSError: the port is taken.
    """
    shelf = Shelf(60.0 * settings.keep_minutes)
    os.environ |= {"GRADIO_TEMP_DIR": str(shelf.root), "GRADIO_ANALYTICS_ENABLED": "False"}
    page = None
    try:
        page, address = _launch(settings, shelf)
        shelf.start_sweeping()
        yield address
    finally:
        if page is not None:
            page.close(verbose=False)
        shelf.close()


def _launch(settings: DemoSettings, shelf: Shelf) -> tuple[Any, str]:
    import torch
    from starlette.middleware import Middleware

    from app.demo.examples import FOLDER
    from app.demo.page import build_page, build_theme
    from app.demo.page.player import ASSETS
    from app.demo.studio import Studio
    from codec import Codec

    torch.set_num_threads(max(1, (os.cpu_count() or 1) // settings.concurrency))
    codec = Codec.load(settings.checkpoint, device=settings.device)
    page = build_page(Studio(codec, shelf, settings))
    _, local, shared = page.launch(
        server_name=settings.host, server_port=settings.port or None, share=settings.share,
        max_file_size=settings.max_upload_bytes, prevent_thread_lock=True, quiet=True,
        inbrowser=False, ssr_mode=False, enable_monitoring=False, footer_links=["api"],
        allowed_paths=[str(FOLDER)], theme=build_theme(), css_paths=[ASSETS / "page.css"],
        app_kwargs={"middleware": [Middleware(SecurityHeaders)]})
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
