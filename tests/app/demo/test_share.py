"""The page to pass on: everything inside, and nothing in it that a name could set loose."""

import base64
import io
import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.demo.studio import Studio
from codec.audio import read_audio, write_audio
from tests.app.demo.visitor import Visit

pytest.importorskip("gradio", reason="Gradio is not installed")
import gradio as gr

from app.demo.gate import script_hashes
from app.demo.page.listening import Listening, Turn
from app.demo.page.player import Track
from app.demo.page.share import share
from app.demo.page.standalone import write_comparison

HOSTILE = '</script></title><img src=x onerror="alert(1)">&amp;$tracks${x}'


class Elements(HTMLParser):
    """Tags with their attributes, and the text of each script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.title = ""
        self._within = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self.scripts += [""] if tag == "script" else []
        self._within = tag

    def handle_endtag(self, tag: str) -> None:
        self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within == "script":
            self.scripts[-1] += data
        elif self._within == "title":
            self.title += data


def sounds(text: str) -> list[tuple[str, np.ndarray, int]]:
    """Name, wave and rate of each sound inside."""
    found = []
    for track in json.loads(Elements(text).scripts[0]):
        kind, _, data = track["file"]["url"].partition(";base64,")
        assert kind in ("data:audio/flac", "data:audio/wav")
        found.append((track["name"], *read_audio(io.BytesIO(base64.b64decode(data)))))
    return found


def test_both_sounds_are_inside_to_the_sample(studio: Studio, recording: Path) -> None:
    listening, turn = Listening(studio), Turn()
    list(listening.open_upload(turn, str(recording), 0.6))
    *_, (message, button) = list(share(studio, turn))
    assert turn.shown is not None
    clip, take = turn.shown
    text = Path(button.value["path"]).read_text(encoding="utf-8")
    assert "noise bursts.wav" in message
    assert button.visible
    for (name, wave, rate), title, path in zip(
        sounds(text), ("Original", "Decoded"), (clip.original, take.path), strict=True
    ):
        assert (name, rate) == (title, 44_100)
        np.testing.assert_array_equal(wave, read_audio(path)[0])
    assert f"{len(take.data):,} bytes" in text
    assert text.count("<svg") == 3


def test_the_page_asks_for_nothing(studio: Studio) -> None:
    turn = Turn()
    list(Listening(studio).open_example(3, turn, 0.3))
    *_, (_, button) = list(share(studio, turn))
    page = Elements(Path(button.value["path"]).read_text(encoding="utf-8"))
    for tag, values in page.found:
        assert tag not in ("link", "iframe", "object", "base", "form")
        for name in ("src", "href"):
            assert (values.get(name) or "data:").startswith("data:"), (tag, values)
    (policy,) = [values["content"] for tag, values in page.found if "http-equiv" in values]
    assert policy is not None
    assert policy.startswith("default-src 'none';")
    script = f"<script>{page.scripts[1]}</script>".encode()
    assert policy.endswith(f"script-src{script_hashes(script)}")


def test_a_name_sets_nothing_loose(tmp_path: Path) -> None:
    wav = tmp_path / "a.wav"
    write_audio(wav, np.zeros((1, 800), np.float32), 8_000)
    write_comparison(
        tmp_path / "page.html", HOSTILE, [Track(HOSTILE, HOSTILE, wav)] * 2, origin=HOSTILE
    )
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    page = Elements(text)
    assert "img" not in [tag for tag, _ in page.found]
    assert page.title == HOSTILE
    assert [name for name, *_ in sounds(text)] == [HOSTILE] * 2
    assert len(page.scripts) == 2


def test_what_flac_can_not_hold_goes_in_as_wav(tmp_path: Path) -> None:
    wav = tmp_path / "fast.wav"
    wave = 0.1 * np.random.default_rng(0).standard_normal((1, 9_000)).astype(np.float32)
    write_audio(wav, wave, 768_000)
    write_comparison(tmp_path / "page.html", "fast", [Track("fast", "", wav)])
    ((_, found, rate),) = sounds((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert rate == 768_000
    np.testing.assert_array_equal(found, read_audio(wav)[0])


def test_a_page_of_what_no_longer_plays_is_not_offered(studio: Studio) -> None:
    turn = Turn()
    ((message, _),) = list(share(studio, turn))
    assert "Play a clip first" in message
    list(Listening(studio).open_example(3, turn, 0.3))
    making = share(studio, turn)
    next(making)
    *_, shown = list(Listening(studio).open_example(0, turn, 0.3))
    assert list(making) == []
    assert isinstance(shown[6], gr.DownloadButton)
    assert (shown[6].value, shown[6].visible) == (None, False)


def test_in_a_browser_it_plays_without_the_demo(visit: Visit, browser: Any, tmp_path: Path) -> None:
    httpx = pytest.importorskip("httpx")
    page = visit.open().page
    page.click("#share")
    page.wait_for_selector("#get-page")
    with page.expect_download() as download:
        page.click("#get-page")
    path = tmp_path / "shared.html"
    download.value.save_as(path)
    answer = httpx.get(download.value.url)  # never shown as a page of the demo itself
    assert answer.headers["content-disposition"].startswith("attachment")
    assert "sha256" not in answer.headers["content-security-policy"]
    visit.slide("bitrate", "Home")
    visit.wait_for_text("#listen-player", "0.3 kbps")
    assert not page.locator("#get-page").is_visible()  # it was one of another rate
    context = browser.new_context(viewport={"width": 390, "height": 844}, offline=True)
    alone = Visit(context.new_page(), path.as_uri())
    alone.page.goto(path.as_uri())
    alone.page.wait_for_selector(".nsvq-player[data-state=ready]")
    assert alone.page.locator(".track .name").all_inner_texts() == ["Original", "Decoded"]
    rows = alone.page.query_selector_all(".track")
    lengths = [float(row.get_attribute("data-seconds")) for row in rows]
    assert lengths[0] == lengths[1] == pytest.approx(5.88, abs=0.01)
    alone.page.keyboard.press("Space")
    alone.page.wait_for_timeout(1000)
    assert float(alone.page.input_value("[data-part=seek]")) > 0.2
    alone.page.keyboard.press("1")
    assert alone.page.get_attribute(".nsvq-player", "data-active") == "0"
    assert alone.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert (alone.complaints, alone.foreign) == ([], [])
    context.close()
