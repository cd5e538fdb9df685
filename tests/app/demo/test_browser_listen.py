"""The Listen tab in a real browser. Timings are printed (pytest -rP shows them)."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from app.cli import cli
from codec.audio import read_audio
from tests.app.demo.conftest import RunningDemo
from tests.app.demo.visitor import READY, Visit


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

    visit.slide("bitrate", "Home")
    visit.wait_for_text("#listen-player", "0.3 kbps")
    assert page.inner_text("#numbers") != full
    assert visit.lengths("listen-player") == pytest.approx([2.0, 2.0], abs=0.002)
    _check_downloads(visit, demo, tmp_path)


def _check_downloads(visit: Visit, demo: RunningDemo, folder: Path) -> None:
    """The .nsvq decodes on the command line to the very samples of the page's .wav."""
    (folder / "page.nsvq").write_bytes(visit.download("#get-nsvq"))
    (folder / "page.wav").write_bytes(visit.download("#get-wav"))
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
    assert page.evaluate("document.activeElement === document.body")  # keys need no click first
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


def test_a_wrong_file_gets_a_friendly_word(visit: Visit, tmp_path: Path) -> None:
    letter = tmp_path / "letter.wav"
    letter.write_text("dear all")
    page = visit.open().page
    visit.upload(letter)
    alert = page.wait_for_selector("#message [role=alert]")
    assert "letter.wav" in alert.inner_text()
    assert "Traceback" not in page.content()
    preview = "Waveform load error: MediaError"  # Gradio's own, about the file before we see it
    visit.complaints = [text for text in visit.complaints if text != preview]


def test_results_go_with_their_clip(visit: Visit, recording: Path, tmp_path: Path) -> None:
    """Replaced by something unreadable while it is scored, or cleared: nothing of a clip stays."""
    letter = tmp_path / "letter.wav"
    letter.write_text("dear all")
    page = visit.open().page
    page.wait_for_selector("#spectrograms svg >> nth=2")
    visit.upload(letter)
    page.wait_for_selector("#message [role=alert]")
    page.wait_for_timeout(3000)  # what was under way ends, and shows nothing any more
    assert _results(visit) == (0, 0)
    page.click("#picker button[aria-label=Clear]")
    visit.upload(recording)
    page.wait_for_selector("#stages svg")
    page.click("#picker button[aria-label=Clear]")
    page.wait_for_function("!document.querySelector('#stages svg')")
    page.wait_for_timeout(3000)
    page.wait_for_selector("#get-nsvq:disabled", timeout=5000)
    assert _results(visit) == (0, 0)
    assert page.inner_text("#message").strip() == ""
    # Gradio's own page: it can't preview the letter, and it cancels calls that have no id yet.
    of_gradio = ("Waveform load error: MediaError", "/gradio_api/cancel", "/gradio_api/reset")
    visit.complaints = [
        text for text in visit.complaints if not any(known in text for known in of_gradio)
    ]


def _results(visit: Visit) -> tuple[int, int]:
    """Pictures and numbers on the Listen tab."""
    pictures = visit.page.locator("#spectrograms svg, #stages svg, #listen-player .track")
    return pictures.count(), visit.page.locator("#numbers dd").count()


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


BEYOND = """() => [...document.querySelectorAll('[role=tabpanel] *')]
    .filter(e => e.offsetParent && e.getBoundingClientRect().right > 361)
    .map(e => e.innerText.slice(0, 40))"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_needs_no_sideways_scrolling(browser: Any, demo: RunningDemo, scheme: str) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740}, color_scheme=scheme)
    visit = Visit(context.new_page(), demo.url).open()
    inside = """() => { const right = e => e.getBoundingClientRect().right;
        return right(document.querySelector('#listen-player .loop'))
            <= right(document.querySelector('#listen-player .nsvq-player')); }"""
    assert visit.page.evaluate(inside)
    tabs = visit.page.get_by_role("tab").all()
    assert len({tab.bounding_box()["y"] for tab in tabs if tab.is_visible()}) == 1
    for name in ("Compare", "Files", "Evaluate", "About"):
        visit.tab(name)
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= 360
    assert visit.page.evaluate(BEYOND) == []  # on About, code wraps too
    context.close()


SMALL = """() => [...document.querySelectorAll('button')]
    .filter(e => e.offsetParent && !e.closest('footer, [data-testid=waveform-controls]'))
    .map(e => [e.getBoundingClientRect(), e.getAttribute('aria-label') || e.innerText])
    .filter(([box]) => Math.min(box.width, box.height) < 44).map(([_, name]) => name)"""


def test_what_is_pressed_is_large_enough_for_a_finger(visit: Visit, recording: Path) -> None:
    page = visit.open().page
    for name in ("Compare", "Files", "Evaluate", "Listen"):
        visit.tab(name)
        assert page.evaluate(SMALL) == []
    visit.upload(recording)
    visit.wait_for_text("#message", "noise")
    page.wait_for_selector("#picker button[aria-label=Clear]")
    assert page.evaluate(SMALL) == []


def test_there_is_one_play_button_and_stereo_says_its_price(visit: Visit, recording: Path) -> None:
    page = visit.open().page
    visit.upload(recording)
    visit.wait_for_text("#message", "2 channels, each coded on its own: 2 × the rate.")
    visit.wait_for_text("#listen-player", "2 × 1.8 kbps")
    assert "2 × 1.8 kbps" in page.inner_text("#numbers")
    page.wait_for_selector("#picker [data-testid=waveform-controls]")
    page.wait_for_selector(READY)
    buttons = page.get_by_role("button", name="Play", exact=True).all()
    assert [button.is_visible() for button in buttons].count(True) == 1


def test_empty_boxes_take_no_room_and_sliders_stand_in_line(visit: Visit) -> None:
    page = visit.open().page
    visit.tab("Files")
    for box in ("encode-out", "decode-out", "decode-player"):
        assert not page.locator(f"#{box}").is_visible()
    tops = [page.locator(f"#{side}-rate").bounding_box()["y"] for side in ("encode", "decode")]
    assert tops[0] == pytest.approx(tops[1], abs=1)
    visit.tab("Evaluate")
    assert not page.locator("#evaluate-out").is_visible()
