"""The demo as an API, and what hostile callers get out of it."""

import re
import socket
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from app.demo.examples import EXAMPLES
from codec import Codec
from codec.audio import read_audio, write_audio
from codec.bitstream import read_header
from tests.app.demo.conftest import RunningDemo

gradio_client = pytest.importorskip("gradio_client", reason="Gradio is not installed")
httpx = pytest.importorskip("httpx", reason="Gradio is not installed")

UPLOAD = "gradio_api/upload"
MB = 1_000_000


@pytest.fixture
def client(demo: RunningDemo, tmp_path: Path) -> "gradio_client.Client":
    return _connect(demo, tmp_path)


def _connect(demo: RunningDemo, downloads: Path) -> "gradio_client.Client":
    return gradio_client.Client(
        demo.url,
        verbose=False,
        download_files=str(downloads),
        analytics_enabled=False,
        httpx_kwargs={"timeout": 300.0},
    )


@pytest.fixture
def web(demo: RunningDemo) -> Iterator["httpx.Client"]:
    with httpx.Client(base_url=demo.url, timeout=300) as web:
        yield web


def test_encode_then_decode_is_the_codec_itself(
    demo: RunningDemo, client: object, recording: Path
) -> None:
    codec = Codec.load(demo.checkpoint)
    code = client.predict(gradio_client.handle_file(recording), 1.2, api_name="/encode")
    data = Path(code).read_bytes()
    assert data == codec.compress(*read_audio(recording), bitrate_kbps=1.2)
    wave, sample_rate = read_audio(
        client.predict(gradio_client.handle_file(code), None, api_name="/decode")
    )
    assert sample_rate == 44_100
    np.testing.assert_allclose(wave, codec.decompress(data)[0].clip(-1, 1), atol=1 / 32_000)


def test_trim_and_info(client: object, recording: Path) -> None:
    handle = gradio_client.handle_file
    code = client.predict(handle(recording), 1.8, api_name="/encode")
    small = client.predict(handle(code), 0.6, api_name="/trim")
    assert read_header(Path(small).read_bytes()).num_stages == 2
    assert client.predict(handle(small), api_name="/info")["Length"] == "2.00 s"


def test_only_the_documented_endpoints_are_offered(client: object) -> None:
    offered = client.view_api(return_format="dict")["named_endpoints"]
    assert set(offered) == {"/encode", "/decode", "/trim", "/info", "/reconstruct", "/call"}


def test_a_call_loses_packets_and_tells_what_it_cost(client: object, recording: Path) -> None:
    file = gradio_client.handle_file(recording)
    path, facts = client.predict(file, 1.2, 20.0, 2.0, "1:2", api_name="/call")
    wave, sample_rate = read_audio(path)
    assert (wave.shape, sample_rate) == ((1, 32_000), 16_000)
    assert set(facts) == {
        "seconds", "kbps", "copies_kbps", "packets", "lost", "repaired", "delay_ms",
    }  # fmt: skip
    assert (facts["seconds"], facts["packets"], facts["copies_kbps"]) == (2.0, 101, 0.3)
    assert 0 < facts["lost"] < 60
    for settings, reason in (
        ((1.2, 20.0, 2.0, "nonsense"), "STAGES:PACKETS"),
        ((1.2, 20.0, 2.0, None), "STAGES:PACKETS"),
        ((0.3, 20.0, 2.0, "1:2"), "no room"),
        ((1.2, 60.0, 2.0, "0:0"), "0 to 30"),
    ):
        with pytest.raises(gradio_client.exceptions.AppError, match=reason):
            client.predict(file, *settings, api_name="/call")


def test_bad_files_give_plain_words(client: object, tmp_path: Path) -> None:
    letter, broken = tmp_path / "letter.wav", tmp_path / "broken.nsvq"
    letter.write_text("dear all")
    broken.write_bytes(b"NSVQ" + bytes(60))
    for path, name in (
        (letter, "/encode"),
        (letter, "/reconstruct"),
        (letter, "/call"),
        (broken, "/decode"),
        (broken, "/trim"),
        (broken, "/info"),
    ):
        arguments = {"/info": [], "/call": [1.2, 10.0, 2.0, "0:0"]}.get(name, [1.2])
        with pytest.raises(gradio_client.exceptions.AppError) as caught:
            client.predict(gradio_client.handle_file(path), *arguments, api_name=name)
        assert path.name in str(caught.value)
        assert "/nsvq-demo-" not in str(caught.value)


def test_an_hour_is_refused_at_once(client: object, tmp_path: Path) -> None:
    path = tmp_path / "hour.flac"
    write_audio(path, np.zeros((1, 3600 * 8_000), np.float32), 8_000)
    with pytest.raises(gradio_client.exceptions.AppError, match=r"60\.0 minutes"):
        client.predict(gradio_client.handle_file(path), 1.2, api_name="/reconstruct")


def test_ten_at_once_each_get_their_own(demo: RunningDemo, tmp_path: Path) -> None:
    lengths = [8_000 + 160 * n for n in range(10)]
    paths = []
    for number, length in enumerate(lengths):
        paths.append(tmp_path / f"{number}.wav")
        noise = np.random.default_rng(number).standard_normal((1, length)) * 0.1
        write_audio(paths[-1], noise.astype(np.float32), 16_000)

    def visit(number: int) -> tuple[int, bytes, float]:
        folder = tmp_path / f"visitor {number}"
        folder.mkdir()
        client = _connect(demo, folder)
        started = time.perf_counter()
        code = client.predict(gradio_client.handle_file(paths[number]), 1.8, api_name="/encode")
        return number, Path(code).read_bytes(), time.perf_counter() - started

    codec = Codec.load(demo.checkpoint)
    with ThreadPoolExecutor(10) as visitors:
        results = list(visitors.map(visit, range(10)))
    for number, data, _ in results:
        assert data == codec.compress(*read_audio(paths[number]), bitrate_kbps=1.8)
    waits = [seconds for *_, seconds in results]
    print(f"ten at once: median {statistics.median(waits):.2f} s, longest {max(waits):.2f} s")


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../../../../etc/passwd",
        "%2e%2e/%2e%2e/etc/passwd",
        "pyproject.toml",
        "{root}/pyproject.toml",
        "{folder}",
        "{folder}/results",
        "{votes}",
    ],
)
def test_nothing_else_can_be_fetched(demo: RunningDemo, web: "httpx.Client", path: str) -> None:
    root = Path(__file__).parents[3]
    demo.votes.parent.mkdir(exist_ok=True)
    demo.votes.touch()
    wanted = path.format(root=root, folder=demo.folder, votes=demo.votes)
    for address in (f"gradio_api/file={wanted}", f"file={wanted}"):
        answer = web.get(address, follow_redirects=True)
        assert answer.status_code in (400, 403, 404, 500) or "<html" in answer.text.lower()
        assert "root:" not in answer.text
        assert "build-backend" not in answer.text


def test_examples_may_be_fetched(web: "httpx.Client") -> None:
    answer = web.get(f"gradio_api/file={EXAMPLES[0].path}")
    assert answer.status_code == 200
    assert answer.content == EXAMPLES[0].path.read_bytes()


def test_a_path_is_not_an_upload(web: "httpx.Client", demo: RunningDemo, recording: Path) -> None:
    """A caller may name a file on the server instead of sending one: it is not read."""
    for path in (recording, demo.checkpoint, Path("/etc/passwd")):
        spoofed = {"path": str(path), "meta": {"_type": "gradio.FileData"}}
        call = web.post("gradio_api/call/encode", json={"data": [spoofed, 1.2]})
        event = call.json()["event_id"]
        answer = web.get(f"gradio_api/call/encode/{event}").text
        assert "event: error" in answer
        assert "event: complete" not in answer


@pytest.mark.parametrize(
    "path", ["dev/reload", "runs", "proxy=https://example.org/", "file=https://example.org/"]
)
def test_what_the_page_does_not_need_is_closed(web: "httpx.Client", path: str) -> None:
    assert web.get(f"gradio_api/{path}").status_code == 404


def test_bad_calls_get_a_plain_answer(web: "httpx.Client") -> None:
    far = {"path": "https://example.org/a.wav", "meta": {"_type": "gradio.FileData"}}
    for data, status in (([far, 1.2], 400), ([None, "high"], 422), ([None, None], 422)):
        answer = web.post("gradio_api/call/encode", json={"data": data})
        assert answer.status_code == status
        assert set(answer.json()) == {"error"}


def test_a_broken_off_upload_lies_where_the_sweep_finds_it(
    demo: RunningDemo, web: "httpx.Client"
) -> None:
    before = set(demo.folder.rglob("*"))
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.wav"\r\n\r\n'
    request = (
        f"POST /{UPLOAD} HTTP/1.1\r\nHost: {web.base_url.host}\r\nContent-Length: {9 * MB}\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
    )
    with socket.create_connection((web.base_url.host, web.base_url.port)) as line:
        line.sendall(request.encode() + head + bytes(3 * MB))
        time.sleep(1.0)
    time.sleep(1.0)
    left = [path for path in set(demo.folder.rglob("*")) - before if path.is_file()]
    assert all(path.parent == demo.folder for path in left), left


@pytest.mark.parametrize(
    "name",
    ["../../../escape.wav", "/etc/cron.d/escape.wav", "..\\..\\escape.wav", "x\x00escape.wav"],
)
def test_uploads_stay_in_the_folder(demo: RunningDemo, web: "httpx.Client", name: str) -> None:
    answer = web.post(UPLOAD, files={"files": (name, b"RIFF")})
    if answer.status_code == 200:
        stored = Path(answer.json()[0])
        assert stored.resolve().is_relative_to(demo.folder)
    assert not Path("/etc/cron.d/escape.wav").exists()


def test_200_mb_are_refused_and_cost_no_memory(
    demo: RunningDemo, web: "httpx.Client", tmp_path: Path
) -> None:
    big = tmp_path / "big.wav"
    write_audio(big, np.zeros((1, 16_000), np.float32), 16_000)
    with big.open("r+b") as file:
        file.truncate(200 * MB)
    before, memory = _bytes_under(demo.folder), _peak_kb(demo)
    with big.open("rb") as file:
        try:
            answer = web.post(UPLOAD, files={"files": ("big.wav", file)})
        except httpx.WriteError:
            pass  # the server hung up before all was sent
        else:
            assert answer.status_code == 413
            assert "80 MB" in answer.text  # four of the largest files
    assert _bytes_under(demo.folder) - before < MB
    assert _peak_kb(demo) - memory < 100_000


def _peak_kb(demo: RunningDemo) -> int:
    """The most memory that the demo has had so far."""
    status = Path(f"/proc/{demo.process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])


def _bytes_under(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_the_page_asks_nobody_else(web: "httpx.Client") -> None:
    answer = web.get("")
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    for host in ("fonts.googleapis.com", "fonts.gstatic.com", "cdnjs.cloudflare.com"):
        assert f'href="https://{host}' not in answer.text
        assert f'src="https://{host}' not in answer.text
    assert web.get("config").json()["analytics_enabled"] is False
