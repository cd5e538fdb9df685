"""The page in a real browser: Debian's chromium, driven by playwright.

Skips, and says why, where either is missing. Timings are printed (pytest -rP shows them).
"""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from app.cli import cli
from codec.audio import audio_info, read_audio
from tests.app.demo.conftest import RunningDemo

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or ""
pytestmark = pytest.mark.skipif(not BROWSER, reason="chromium is not installed")

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
PATIENCE_S = float(os.environ.get("NSVQ_BROWSER_PATIENCE_S", "60"))
READY = "#listen-player [data-state=ready]"


class Visit:
    """A page with everything it complained about or asked from elsewhere."""

    def __init__(self, page: Any, home: str) -> None:
        self.page, self.home = page, home
        self.complaints: list[str] = []
        self.foreign: list[str] = []
        page.set_default_timeout(1000 * PATIENCE_S)
        page.on("console", self._listen)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._watch)

    def _listen(self, message: Any) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    def _watch(self, request: Any) -> None:
        if not request.url.startswith((self.home, "data:", "blob:")):
            self.foreign.append(request.url)

    def open(self) -> "Visit":
        self.page.goto(self.home)
        self.page.wait_for_selector(READY)
        return self

    def tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=name).first.click()

    def lengths(self, player: str) -> list[float]:
        """Seconds of each track that the player holds."""
        rows = self.page.query_selector_all(f"#{player} .track")
        return [float(row.get_attribute("data-seconds")) for row in rows]

    def upload(self, path: Path) -> None:
        self.page.set_input_files("#picker input[type=file]", str(path))

    def wait_for_text(self, selector: str, text: str) -> None:
        self.page.wait_for_function(
            "([s, t]) => (document.querySelector(s)?.textContent || '').includes(t)",
            arg=[selector, text],
        )


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=BROWSER, headless=True, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Any, demo: RunningDemo) -> Iterator[Visit]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    yield Visit(context.new_page(), demo.url)
    context.close()


def test_upload_listen_change_rate_download_decode(
    visit: Visit, demo: RunningDemo, recording: Path, tmp_path: Path
) -> None:
    started = time.perf_counter()
    page = visit.open().page
    print(f"page opened, example ready to play: {time.perf_counter() - started:.2f} s")
    started = time.perf_counter()
    visit.upload(recording)
    visit.wait_for_text("#message", "noise")
    page.wait_for_selector(READY)
    page.wait_for_function(
        "document.querySelectorAll('#listen-player .track').length === 2 && "
        "document.querySelector('#listen-player .track').dataset.seconds < 3"
    )
    print(f"upload to first sound: {time.perf_counter() - started:.2f} s")
    assert visit.lengths("listen-player") == pytest.approx([2.0, 2.0], abs=0.002)
    page.wait_for_selector("#spectrograms svg >> nth=2")
    page.wait_for_selector("#stages svg")
    full = page.inner_text("#numbers")
    assert "bytes" in full

    slider = page.locator("#bitrate input[type=range]")
    slider.focus()
    page.keyboard.press("Home")
    visit.wait_for_text("#listen-player", "0.3 kbps")
    assert page.inner_text("#numbers") != full
    assert visit.lengths("listen-player") == pytest.approx([2.0, 2.0], abs=0.002)
    _check_downloads(page, demo, tmp_path)
    assert visit.complaints == []
    assert visit.foreign == []


def _check_downloads(page: Any, demo: RunningDemo, folder: Path) -> None:
    """The .nsvq decodes on the command line to the very samples of the page's .wav."""
    for button, name in (("get-nsvq", "page.nsvq"), ("get-wav", "page.wav")):
        page.wait_for_selector(f"#{button}:not([disabled])")
        with page.expect_download() as download:
            page.click(f"#{button}")
        download.value.save_as(folder / name)
    result = CliRunner().invoke(
        cli,
        [
            "decode",
            str(folder / "page.nsvq"),
            "-o",
            str(folder / "cli.wav"),
            "--checkpoint",
            str(demo.checkpoint),
        ],
    )
    assert result.exit_code == 0, result.output
    np.testing.assert_array_equal(
        read_audio(folder / "cli.wav")[0], read_audio(folder / "page.wav")[0]
    )


def test_switching_keeps_the_place(visit: Visit) -> None:
    page = visit.open().page
    page.focus("#listen-player .nsvq-player")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    seek = page.locator("#listen-player [data-part=seek]")
    before = float(seek.input_value())
    assert before == pytest.approx(2.0, abs=0.02)
    page.keyboard.press("1")
    assert page.get_attribute("#listen-player .nsvq-player", "data-active") == "0"
    assert float(seek.input_value()) == pytest.approx(before, abs=0.02)
    page.keyboard.press("Space")
    page.wait_for_function(
        "s => Number(document.querySelector(s).value) > 2.2", arg="#listen-player [data-part=seek]"
    )
    page.keyboard.press("2")
    assert float(seek.input_value()) > 2.1
    page.keyboard.press("Space")
    assert page.get_attribute("#listen-player .play", "aria-label") == "Play"
    assert visit.complaints == []


def test_a_wrong_file_gets_a_friendly_word(visit: Visit, tmp_path: Path) -> None:
    letter = tmp_path / "letter.wav"
    letter.write_text("dear all")
    page = visit.open().page
    visit.upload(letter)
    alert = page.wait_for_selector("#message [role=alert]")
    assert "letter.wav" in alert.inner_text()
    assert "Traceback" not in page.content()


def test_recording_is_offered_and_everything_has_a_label(visit: Visit) -> None:
    page = visit.open().page
    assert page.locator("#picker button[aria-label='Record audio']").count() >= 1
    assert page.get_attribute("#listen-player [data-part=seek]", "aria-label") == "Position"
    nameless = page.evaluate("""() => [...document.querySelectorAll('button, input')]
        .filter(e => e.offsetParent && !(e.innerText || '').trim() && !e.getAttribute('aria-label')
            && !e.title && !(e.labels && e.labels.length)
            && !e.getAttribute('aria-labelledby'))
        .map(e => e.outerHTML.slice(0, 120))""")
    assert nameless == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_needs_no_sideways_scrolling(browser: Any, demo: RunningDemo, scheme: str) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740}, color_scheme=scheme)
    visit = Visit(context.new_page(), demo.url).open()
    inside = """() => { const right = e => e.getBoundingClientRect().right;
        return right(document.querySelector('#listen-player .loop'))
            <= right(document.querySelector('#listen-player .nsvq-player')); }"""
    assert visit.page.evaluate(inside)
    for name in ("Compare", "Files", "Evaluate", "About"):
        visit.tab(name)
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= 360
    context.close()


def test_compare_and_a_blind_vote(visit: Visit, demo: RunningDemo) -> None:
    page = visit.open().page
    visit.tab("Compare")
    page.click("#compare-go")
    page.wait_for_selector("#compare-player [data-state=ready]")
    assert len(visit.lengths("compare-player")) >= 3
    assert len(set(visit.lengths("compare-player"))) == 1
    page.click("#trial-start")
    page.wait_for_selector("#trial-player [data-state=ready]")
    names = page.locator("#trial-player .name").all_inner_texts()
    assert names == ["A", "B", "X"]
    assert page.locator("#trial-player canvas").count() == 0
    page.click("#vote-a")
    visit.wait_for_text("#verdict", "of 1 right")
    assert demo.votes.read_text().splitlines()[-1].split(",")[6] == "A"
    assert visit.complaints == []


def test_files_there_and_back(visit: Visit, recording: Path, tmp_path: Path) -> None:
    page = visit.open().page
    visit.tab("Files")
    page.set_input_files("#encode-in input[type=file]", str(recording))
    page.wait_for_selector("#encode-in a, #encode-in .file-preview")
    page.click("#encode-go")
    with page.expect_download() as download:
        page.locator("#encode-out a").first.click()
    code = tmp_path / "noise.nsvq"
    download.value.save_as(code)
    page.set_input_files("#decode-in input[type=file]", str(code))
    visit.wait_for_text("#decode-info", "2.00 s")
    page.click("#decode-go")
    page.wait_for_selector("#decode-player [data-state=ready]")
    assert visit.lengths("decode-player") == pytest.approx([2.0], abs=0.002)
    assert audio_info(recording).seconds == pytest.approx(2.0)
