"""The door of the demo: ASGI middleware in front of Gradio that lets in only what the page needs.

Gradio answers more than this page asks: it fetches and relays addresses (`file=https://…`), watches
for reloads, keeps histories. What is not listed here is not found.
"""

import base64
import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.requests import ClientDisconnect

from app.demo.calls import NumberInput, RefusedError, check_call, check_file, check_length

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PAGES = re.compile(
    r"/(config|theme\.css|robots\.txt|favicon\.ico|manifest\.json|pwa_icon(/\d+)?)?/?"
    r"|/(assets|static|svelte)/.+"
    r"|/gradio_api/(info|openapi\.json|app_id|login_check|startup-events|theme\.css)/?"
    r"|/gradio_api/(heartbeat/.+|upload_progress|queue/data|call/[^/]+/[^/]+)"
)
CALLS = re.compile(
    r"/gradio_api/((call|call/v2|run|api)/(?P<name>[^/]+)|queue/join|cancel|reset)/?"
)
UPLOAD = "/gradio_api/upload"
FILE = "/gradio_api/file="
MAX_CALL_BYTES = 1_000_000
POLICY = (
    "default-src 'self'",
    "base-uri 'self'",
    "object-src 'none'",
    "form-action 'self'",
    "frame-src 'self' data: blob:",
    "script-src 'self' 'unsafe-eval' blob:{hashes}",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "media-src 'self' data: blob:",
    "font-src 'self' data:",
    "connect-src 'self' data: blob:",
    "worker-src 'self' blob:",
)
"""Whatever Gradio may want to fetch from elsewhere, the browser refuses; scripts within the page
run only if they are those it was sent with. Gradio's components need `unsafe-eval`."""
HEADERS = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}


@dataclass(frozen=True)
class Rules:
    """What may pass."""

    folders: Sequence[Path]
    """Files below these may be fetched, as far as Gradio allows."""
    max_upload_bytes: int
    """Of one request, however many files it holds."""
    numbers: Mapping[int | str, Sequence[NumberInput]]
    """By the number and the name of a function."""


class Gate:
    """The middleware: refuses, or passes on and adds the security headers to the answer."""

    def __init__(self, app: Any, rules: Rules) -> None:
        self.app, self.rules = app, rules

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        answer = _Answer(send, hold_pages=not path.startswith(FILE))
        try:
            receive = await self._admit(path, scope, receive)
        except RefusedError as refusal:
            await answer.refuse(refusal)
            return
        with suppress(ClientDisconnect):  # a visitor who leaves is no error to log
            await self.app(scope, receive, answer.send)

    async def _admit(self, path: str, scope: Message, receive: Receive) -> Receive:
        if scope["method"] in ("GET", "HEAD"):
            if path.startswith(FILE):
                check_file(path.removeprefix(FILE), self.rules.folders)
            elif not PAGES.fullmatch(path):
                raise RefusedError(404, "There is nothing here.")
        elif scope["method"] == "POST" and path == UPLOAD:
            check_length(scope["headers"], self.rules.max_upload_bytes)
        elif scope["method"] == "POST" and (found := CALLS.fullmatch(path)):
            body = await _whole_body(receive)
            check_call(body, found["name"], self.rules.numbers)
            return _replayed(body, receive)
        elif scope["method"] != "OPTIONS":
            raise RefusedError(404, "There is nothing here.")
        return receive


async def _whole_body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise RefusedError(400, "The request broke off.")
        body += message.get("body", b"")
        if len(body) > MAX_CALL_BYTES:
            raise RefusedError(413, "The request is too long.")
        if not message.get("more_body"):
            return bytes(body)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """`receive` that gives `body` once more, then what comes after."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again


class _Answer:
    """The way back: headers added; a page's own scripts are named in its policy.

    Not those of a page that is somebody's file: it may be large, and must not run here.
    """

    def __init__(self, send: Send, hold_pages: bool) -> None:
        self._send, self._hold_pages = send, hold_pages
        self._held: Message | None = None
        self._body = bytearray()

    async def send(self, message: Message) -> None:
        """Pass on a part of the answer; a page's start waits until its scripts are known."""
        if message["type"] == "http.response.start":
            if self._hold_pages and _is_page(message):
                self._held = message
            else:
                await self._send(_with_headers(message, b""))
        elif self._held is None:
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body"):
                await self._send(_with_headers(self._held, bytes(self._body)))
                await self._send({**message, "body": bytes(self._body)})

    async def refuse(self, refusal: RefusedError) -> None:
        """Answer with a status and a sentence."""
        body = json.dumps({"error": refusal.reason}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        start = {"type": "http.response.start", "status": refusal.status, "headers": headers}
        await self._send(_with_headers(start, b""))
        await self._send({"type": "http.response.body", "body": body})


def _is_page(message: Message) -> bool:
    return any(
        name.lower() == b"content-type" and value.startswith(b"text/html")
        for name, value in message.get("headers", [])
    )


def _with_headers(message: Message, page: bytes) -> Message:
    policy = "; ".join(POLICY).format(hashes=script_hashes(page))
    extra = [(b"content-security-policy", policy.encode())]
    extra += [(name.encode(), value.encode()) for name, value in HEADERS.items()]
    return {**message, "headers": [*message.get("headers", []), *extra]}


def script_hashes(page: bytes) -> str:
    """The policy's words for the scripts that stand in `page` itself.

    >>> script_hashes(b"<script>1</script>")
    " 'sha256-a4ayc/80/OGda4BO/1o/V0etpOqiLx1JwB5S3beHW0s='"
    """
    scripts = re.findall(rb"<script\b[^>]*>(.*?)</script>", page, re.DOTALL | re.IGNORECASE)
    digests = (base64.b64encode(hashlib.sha256(s).digest()).decode() for s in scripts if s.strip())
    return "".join(f" 'sha256-{digest}'" for digest in dict.fromkeys(digests))
