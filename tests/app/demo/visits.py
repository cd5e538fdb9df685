"""What the visitors of a soak do, each as its own: calls by name, the page's, and broken ones."""

import json
import os
import secrets
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

EXPECTED = {
    "encode: right", "decode: right", "reconstruct: right", "score: right", "score: no score",
    "send_nonsense: refused", "break_off_an_upload: gone", "vanish: gone",
}  # fmt: skip
"""A score may be missing: the process that counted it was killed."""


class Visitor:
    """One visitor, with a recording that no other has."""

    def __init__(self, url: str, number: int) -> None:
        import httpx

        self.web = httpx.Client(base_url=url, timeout=600.0)
        self.num_samples = 24_000 + 40 * number
        self.number = number

    def __enter__(self) -> "Visitor":
        return self

    def __exit__(self, *_: object) -> None:
        self.web.close()

    def recording(self) -> bytes:
        """Noise bursts as WAV."""
        import soundfile

        noise = np.random.default_rng(self.number).standard_normal(self.num_samples)
        file = BytesIO()
        wave = 0.1 * noise * np.sin(np.arange(self.num_samples) / 2_000) ** 2
        soundfile.write(file, wave, 16_000, format="WAV", subtype="PCM_16")
        return file.getvalue()

    def upload(self, data: bytes, name: str) -> dict[str, Any]:
        """Send a file; what a call names it by."""
        answer = self.web.post("gradio_api/upload", files={"files": (name, data)})
        path = answer.raise_for_status().json()[0]
        return {"path": path, "orig_name": name, "meta": {"_type": "gradio.FileData"}}

    def begin(self, name: str, *data: Any) -> str:
        """Start a call by name; the address of its answer."""
        call = self.web.post(f"gradio_api/call/{name}", json={"data": data}).raise_for_status()
        return f"gradio_api/call/{name}/{call.json()['event_id']}"

    def call(self, name: str, *data: Any) -> Any:
        """What a call by name gives; None if it was refused."""
        lines = self.web.get(self.begin(name, *data)).text.splitlines()
        if "event: complete" not in lines:
            return None
        return json.loads(lines[lines.index("event: complete") + 1].removeprefix("data: "))

    def fetch(self, file: Any) -> bytes:
        """A file that a call gave."""
        return self.web.get(f"gradio_api/file={file['path']}").raise_for_status().content


def encode(visitor: Visitor) -> str:
    """A recording to .nsvq."""
    from codec.bitstream import read_header

    code = visitor.call("encode", visitor.upload(visitor.recording(), "noise.wav"), 1.0)
    header = read_header(visitor.fetch(code[0]))
    return "right" if header.num_samples == visitor.num_samples else "another's"


def decode(visitor: Visitor) -> str:
    """There and back."""
    code = visitor.call("encode", visitor.upload(visitor.recording(), "noise.wav"), 1.0)
    data = visitor.upload(visitor.fetch(code[0]), "noise.nsvq")
    return _length(visitor, visitor.fetch(visitor.call("decode", data, None)[0]))


def reconstruct(visitor: Visitor) -> str:
    """Both in one call."""
    found = visitor.call("reconstruct", visitor.upload(visitor.recording(), "noise.wav"), 1.0)
    return _length(visitor, visitor.fetch(found[0]))


def score(visitor: Visitor) -> str:
    """The Evaluate tab, as the page calls it: the first value is the server's own state."""
    session = secrets.token_hex(6)
    file = visitor.upload(visitor.recording(), "noise.wav")
    call = {"data": [None, [file]], "fn_index": _measuring(visitor), "session_hash": session}
    visitor.web.post("gradio_api/queue/join", json=call).raise_for_status()
    with visitor.web.stream("GET", "gradio_api/queue/data", params={"session_hash": session}) as s:
        for message in _messages(s.iter_lines()):
            if message["msg"] == "process_completed":
                return "right" if "curve.csv" in json.dumps(message) else "no score"
    return "no answer"


def send_nonsense(visitor: Visitor) -> str:
    """Bytes that are no recording."""
    file = visitor.upload(np.random.default_rng(visitor.number).bytes(50_000), "noise.wav")
    return "taken" if visitor.call("encode", file, 1.0) else "refused"


def break_off_an_upload(visitor: Visitor) -> str:
    """A third of what was announced, then nothing."""
    place = urlsplit(str(visitor.web.base_url))
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.wav"\r\n\r\n'
    request = (
        f"POST /gradio_api/upload HTTP/1.1\r\nHost: {place.hostname}\r\nContent-Length: 9000000"
        "\r\nContent-Type: multipart/form-data; boundary=x\r\n\r\n"
    )
    with socket.create_connection((str(place.hostname), place.port or 80)) as line:
        line.sendall(request.encode() + head + bytes(3_000_000))
    return "gone"


def vanish(visitor: Visitor) -> str:
    """A call whose answer nobody waits for."""
    address = visitor.begin("encode", visitor.upload(visitor.recording(), "noise.wav"), 1.0)
    with visitor.web.stream("GET", address):
        return "gone"


KINDS: Sequence[Callable[[Visitor], str]] = (
    encode, break_off_an_upload, decode, score, vanish, reconstruct, send_nonsense,
)  # fmt: skip


def kill_scorer(pids: Sequence[int]) -> None:
    """Kill the first of the processes `pids` that scores."""
    for pid in pids:
        with suppress(OSError):
            if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)
                return


def _length(visitor: Visitor, wav: bytes) -> str:
    import soundfile

    return "right" if soundfile.info(BytesIO(wav)).frames == visitor.num_samples else "another's"


def _measuring(visitor: Visitor) -> int:
    """The number of the function behind the Evaluate tab's button."""
    config = visitor.web.get("config").json()
    (button,) = [
        part["id"] for part in config["components"] if part["props"].get("elem_id") == "evaluate-go"
    ]
    (function,) = [
        call["id"]
        for call in config["dependencies"]
        if [button, "click"] in call["targets"] and call["inputs"]
    ]
    return int(function)


def _messages(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))
