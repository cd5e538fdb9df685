"""The gate alone, in front of an application that remembers what reached it."""

import asyncio
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from app.demo.calls import NumberInput

pytest.importorskip("starlette", reason="Gradio is not installed")
from starlette.requests import Request

from app.demo.gate import MAX_CALL_BYTES, UPLOAD, Gate, Rules

NUMBERS = {"encode": [NumberInput(1, "bitrate_kbps", False)], 7: [NumberInput(0, "Bitrate", True)]}
CALL = "/gradio_api/call/encode"
JOIN = "/gradio_api/queue/join"


class Door:
    """A gate, and what came through it."""

    def __init__(self, folder: Path) -> None:
        self.gate = Gate(self._inside, Rules([folder.resolve()], 1_000, NUMBERS))
        self.reached: list[tuple[str, bytes]] = []
        self.page = b"<html><script>1</script></html>"

    async def _inside(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", scope["method"] == "POST"
        while more:
            message = await receive()
            body, more = body + message["body"], message.get("more_body", False)
        self.reached.append((scope["path"], body))
        headers = [(b"content-type", b"text/html; charset=utf-8")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": self.page[:9], "more_body": True})
        await send({"type": "http.response.body", "body": self.page[9:]})

    def ask(
        self,
        path: str,
        method: str = "GET",
        parts: Sequence[bytes] = (b"",),
        headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the answer."""
        sent: list[Any] = []
        waiting = [{"type": "http.request", "body": p, "more_body": True} for p in parts]
        waiting[-1]["more_body"] = False

        async def receive() -> Any:
            return waiting.pop(0) if waiting else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": method, "path": path, "headers": list(headers)}
        # in a thread: the browser of other tests keeps an event loop in this one
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, self.gate(scope, receive, send)).result()
        names = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], names, b"".join(message["body"] for message in sent[1:])

    def call(self, body: Any, path: str = CALL) -> tuple[int, str]:
        """Status and reason of a call's answer."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        status, _, answer = self.ask(path, "POST", [data])
        return status, "" if status == 200 else json.loads(answer)["error"]


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path)


@pytest.mark.parametrize(
    "path",
    ["/", "/config", "/theme.css", "/assets/index.js", "/gradio_api/info", "/gradio_api/queue/data",
     "/gradio_api/heartbeat/abc", "/gradio_api/call/encode/abc"],
)  # fmt: skip
def test_what_the_page_needs_passes(door: Door, path: str) -> None:
    assert door.ask(path)[0] == 200
    assert door.reached == [(path, b"")]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/gradio_api/dev/reload"),
        ("GET", "/gradio_api/runs"),
        ("GET", "/gradio_api/proxy=https://example.org/"),
        ("GET", "/proxy=https://example.org/"),
        ("GET", "/gradio_api/file=https://example.org/"),
        ("GET", "/gradio_api/file=HTTPS:/example.org/"),
        ("GET", "/gradio_api/file=/etc/passwd"),
        ("GET", "/gradio_api/file=pyproject.toml"),
        ("GET", "/gradio_api/file={folder}/../x"),
        ("GET", "/gradio_api/file=/" + "x" * 9_000),
        ("GET", "/gradio_api/file=/a\0b"),
        ("GET", "//gradio_api/info"),
        ("GET", "/docs"),
        ("HEAD", "/gradio_api/runs"),
        ("POST", "/gradio_api/component_server"),
        ("POST", "/gradio_api/file=/etc/passwd"),
        ("POST", "/login"),
        ("PUT", "/config"),
        ("DELETE", "/gradio_api/upload"),
    ],
)
def test_the_rest_is_not_found(door: Door, tmp_path: Path, method: str, path: str) -> None:
    status, headers, _ = door.ask(path.format(folder=tmp_path), method)
    assert status == 404
    assert headers["content-security-policy"].startswith("default-src 'self'")
    assert door.reached == []


def test_files_below_the_folders_pass_and_links_out_of_them_do_not(
    door: Door, tmp_path: Path
) -> None:
    (tmp_path / "a.wav").touch()
    (tmp_path / "out").symlink_to("/etc")
    assert door.ask(f"/gradio_api/file={tmp_path}/a.wav")[0] == 200
    assert door.ask(f"/gradio_api/file={tmp_path}/out/passwd")[0] == 404


@pytest.mark.parametrize("path", ["https://example.org/a.wav", " HTTP:/x", "file:///etc/passwd"])
def test_an_address_is_no_file(door: Door, path: str) -> None:
    for data in ([{"path": path}, 6.0], [[{"deep": {"path": path}}], 6.0]):
        assert door.call({"data": data}) == (
            400,
            "Send the file itself: addresses are not fetched.",
        )
    assert door.call({"nsvq_file": {"path": path}}, "/gradio_api/call/v2/info")[0] == 400
    assert door.call({"fn_index": 3, "data": [{"path": path}]}, JOIN)[0] == 400
    assert door.reached == []


@pytest.mark.parametrize("value", ["high", "6", True, None, [], {}, float("nan"), 1e308, 10**400])
def test_what_is_no_number_is_refused_before_the_application_sees_it(
    door: Door, value: object
) -> None:
    status, reason = door.call({"data": [{"path": "/a"}, value]})
    assert status == 422
    assert "bitrate_kbps" in reason
    assert door.call({"bitrate_kbps": value}, "/gradio_api/call/v2/encode")[0] == 422
    assert door.reached == []


@pytest.mark.parametrize("index", [7, "7", 7.0])
def test_a_function_by_number_is_checked_as_well(door: Door, index: object) -> None:
    assert door.call({"fn_index": index, "data": ["high"]}, JOIN)[0] == 422
    assert door.call({"fn_index": index, "data": ["high"]})[0] == 422
    assert door.reached == []


def test_numbers_pass_unchanged(door: Door) -> None:
    call = json.dumps({"fn_index": 7, "data": [None]}).encode()
    assert door.ask(JOIN, "POST", [call[:5], call[5:]])[0] == 200
    assert door.reached == [(JOIN, call)]


@pytest.mark.parametrize("body", [b"{", b"[]", b"7", b"\xff", b"[" * 99_999])
def test_what_is_no_json_object_is_refused(door: Door, body: bytes) -> None:
    assert door.call(body)[0] == 400
    assert door.reached == []


def test_a_call_is_short(door: Door) -> None:
    assert door.call(b" " * (MAX_CALL_BYTES + 1)) == (413, "The request is too long.")


@pytest.mark.parametrize(
    ("length", "status"), [(None, 411), (b"-1", 411), (b"x", 411), (b"1001", 413), (b"1000", 200)]
)
def test_an_upload_says_how_long_it_is(door: Door, length: bytes | None, status: int) -> None:
    headers = [] if length is None else [(b"content-length", length)]
    assert door.ask(UPLOAD, "POST", headers=headers)[0] == status
    assert len(door.reached) == (status == 200)


@pytest.mark.parametrize(
    "more",
    [(b"transfer-encoding", b"chunked"), (b"Transfer-Encoding", b"x"), (b"content-length", b"9")],
)
def test_an_upload_has_one_length_that_counts(door: Door, more: tuple[bytes, bytes]) -> None:
    for headers in ([(b"content-length", b"10"), more], [more, (b"content-length", b"10")]):
        assert door.ask(UPLOAD, "POST", [b"x" * 5_000], headers)[0] == 411
    assert door.reached == []


def test_a_visitor_who_leaves_is_no_error(tmp_path: Path) -> None:
    """An upload that broke off left a traceback of ninety lines in the log."""

    async def parsing(scope: Any, receive: Any, send: Any) -> None:
        async for _ in Request(scope, receive).stream():
            pass

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        pytest.fail("nobody is there to hear it")

    scope = {
        "type": "http",
        "method": "POST",
        "path": UPLOAD,
        "headers": [(b"content-length", b"9")],
    }
    with ThreadPoolExecutor(1) as thread:
        gate = Gate(parsing, Rules([tmp_path], 1_000, NUMBERS))
        thread.submit(asyncio.run, gate(scope, receive, send)).result()


def test_a_file_is_not_made_a_page(door: Door, tmp_path: Path) -> None:
    """Its scripts are not allowed, and it is passed on as it comes, however large."""
    (tmp_path / "a.html").touch()
    status, headers, body = door.ask(f"/gradio_api/file={tmp_path}/a.html")
    assert (status, body) == (200, door.page)
    assert "sha256" not in headers["content-security-policy"]


def test_only_the_scripts_of_the_page_itself_may_run(door: Door) -> None:
    _, headers, body = door.ask("/")
    policy = headers["content-security-policy"]
    (scripts,) = [part for part in policy.split("; ") if part.startswith("script-src")]
    assert "'sha256-a4ayc/80/OGda4BO/1o/V0etpOqiLx1JwB5S3beHW0s='" in scripts
    assert "unsafe-inline" not in scripts
    assert body == door.page
