"""The other tabs in a real browser."""

import csv
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from app.demo.curve import COLUMNS
from app.demo.examples import EXAMPLES
from app.demo.studio import Studio
from codec.audio import audio_info
from codec.bitstream import read_header, trim_file
from tests.app.demo.conftest import RunningDemo
from tests.app.demo.visitor import Visit
from training.evaluation.systems import libopus


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
    assert page.locator("#get-votes").is_disabled()
    assert "kbps" not in page.inner_text("#trial-player")
    page.click("#vote-a")
    visit.wait_for_text("#verdict", "of 1 right")
    mine = visit.download("#get-votes").decode()
    (vote,) = csv.DictReader(io.StringIO(mine))
    assert {vote["a"], vote["b"]} == {"Original", "0.9 kbps"}
    assert (vote["mode"], vote["vote"]) == ("ABX", "A")
    assert vote["correct"] == str(int(vote["x"] == "A"))
    assert demo.votes.read_text().splitlines()[-1] == mine.splitlines()[-1]


def test_a_call_over_a_bad_line(visit: Visit, recording: Path) -> None:
    page = visit.open().page
    visit.tab("Call")
    num_ends = 1 if libopus.missing() else 2
    assert ("Opus is left out" in page.inner_text("#call-intro")) == (num_ends == 1)
    visit.slide("call-loss", "End")
    page.click("#call-go")
    page.wait_for_selector("#call-player [data-state=ready]")
    visit.wait_for_text("#call-status", "30 % lost")
    assert len(visit.lengths("call-player")) == 1 + num_ends
    assert max(visit.lengths("call-player")) == pytest.approx(min(visit.lengths("call-player")))
    assert page.locator("#call-losses rect.lost").count() > 0
    page.wait_for_selector("#call-stop:disabled")
    assert "…" not in page.inner_text("#call-table")
    visit.slide("call-rate", "Home")  # no room for copies
    page.click("#call-go")
    visit.wait_for_text("#call-status", "no room for copies")
    page.wait_for_selector("#call-player", state="hidden")
    assert page.locator("#call-table td, #call-losses rect").count() == 0


def test_files_there_trimmed_and_back(visit: Visit, recording: Path, tmp_path: Path) -> None:
    page = visit.open().page
    visit.tab("Files")
    visit.choose("encode-in", recording)
    visit.slide("encode-rate", "End")
    page.click("#encode-go")
    code = tmp_path / "noise.nsvq"
    code.write_bytes(visit.download("#encode-out a"))
    assert read_header(code.read_bytes()).num_stages == 6
    visit.choose("decode-in", code)
    visit.wait_for_text("#decode-info", "2.00 s")
    page.click("#decode-go")
    page.wait_for_selector("#decode-player [data-state=ready]")
    assert visit.lengths("decode-player") == pytest.approx([2.0], abs=0.002)
    visit.slide("decode-rate", "Home")
    page.click("#trim-go")
    visit.wait_for_text("#decode-status", "→")
    trimmed = visit.download("#decode-out a")
    assert trimmed == trim_file(code.read_bytes(), 1)


def test_several_files_come_back_as_a_zip(visit: Visit, recording: Path) -> None:
    page = visit.open().page
    visit.tab("Files")
    visit.choose("encode-in", recording, EXAMPLES[3].path)
    page.click("#encode-go")
    with zipfile.ZipFile(io.BytesIO(visit.download("#encode-out a"))) as archive:
        assert archive.namelist() == ["noise bursts.nsvq", "kerstin.nsvq"]
        lengths = [read_header(archive.read(name)).seconds for name in archive.namelist()]
    assert lengths == pytest.approx([audio_info(recording).seconds, 4.06], abs=0.01)


def test_evaluate_gives_a_curve_and_its_numbers(visit: Visit, studio: Studio) -> None:
    page = visit.open().page
    visit.tab("Evaluate")
    page.click("#evaluate-go")
    page.wait_for_selector("#evaluate-status [role=alert]")
    visit.choose("evaluate-in", EXAMPLES[3].path)
    page.click("#evaluate-go")
    rows = list(csv.DictReader(io.StringIO(visit.download("#evaluate-out a").decode())))
    rates = [studio.codec.config.bitrate_kbps(n) for n in studio.sampled_stages(6)]
    assert tuple(rows[0]) == COLUMNS
    assert [float(row["kbps"]) for row in rows] == pytest.approx(rates)
    assert all(1.0 <= float(row["pesq_wb"]) <= 4.65 for row in rows)
    assert page.locator("#evaluate-picture circle").count() == len(rows)
    assert page.locator("#evaluate-status tbody tr").count() == len(rows)
    assert page.locator("#evaluate-stop").is_disabled()


def test_a_long_job_can_be_cancelled(visit: Visit) -> None:
    page = visit.open().page
    visit.tab("Evaluate")
    visit.choose("evaluate-in", *(example.path for example in EXAMPLES))
    assert page.locator("#evaluate-stop").is_disabled()
    page.click("#evaluate-go")
    visit.wait_for_text("#evaluate-status", "%")
    page.click("#evaluate-stop")
    visit.wait_for_text("#evaluate-cancelled", "Cancelled.")
    page.wait_for_timeout(1500)  # what was under way ends, and shows nothing any more
    assert page.inner_text("#evaluate-cancelled").strip() == "Cancelled."
    assert not page.locator("#evaluate-status").is_visible()
    assert page.locator("#evaluate-out a").count() == 0
    page.click("#evaluate-go")
    visit.wait_for_text("#evaluate-status", "%")
    assert page.inner_text("#evaluate-cancelled").strip() == ""


def test_clear_clears_results(visit: Visit, recording: Path) -> None:
    """Those of a job that is done, and of one under way; nothing comes in late."""
    page = visit.open().page
    page.wait_for_selector("#stages svg")
    visit.tab("Compare")
    page.click("#compare-go")
    page.wait_for_selector("#compare-player [data-state=ready]")
    page.click("#trial-start")
    page.wait_for_selector("#trial-player [data-state=ready]")
    visit.tab("Call")
    page.click("#call-go")
    page.wait_for_selector("#call-player [data-state=ready]")
    visit.tab("Files")
    visit.choose("encode-in", recording)
    page.click("#encode-go")
    page.wait_for_selector("#encode-out a")
    page.click("#encode-in button[aria-label=Clear]")
    page.wait_for_selector("#encode-out a", state="detached")
    assert not page.locator("#encode-status").is_visible()
    visit.tab("Evaluate")
    visit.choose("evaluate-in", *(example.path for example in EXAMPLES))
    page.click("#evaluate-go")
    page.wait_for_selector("#evaluate-picture svg")
    page.click("#evaluate-in button[aria-label=Clear]")
    page.wait_for_selector("#evaluate-picture svg", state="detached")
    visit.tab("Listen")
    visit.upload(recording)
    visit.wait_for_text("#message", "noise")
    page.click("#picker button[aria-label=Clear]")
    visit.wait_for_text("#listen-player", "Nothing to hear yet.")
    visit.tab("Compare")
    for box in ("compare-player", "trial-player", "compare-status"):
        page.wait_for_selector(f"#{box}", state="hidden")
    assert page.locator("#compare-table td").count() == 0
    assert page.locator("#vote-a").is_disabled()
    visit.tab("Call")
    page.wait_for_selector("#call-player", state="hidden")
    assert page.locator("#call-table td, #call-losses svg").count() == 0
    page.wait_for_timeout(2000)  # what was under way ends, and shows nothing any more
    visit.tab("Evaluate")
    assert page.locator("#evaluate-picture svg, #evaluate-out a").count() == 0
    assert page.locator("#evaluate-stop").is_disabled()
    visit.drop_gradio_complaints()


CONTRAST = """selectors => {
    const numbers = text => text.match(/[0-9.]+/g).map(Number);
    const light = text => { const [r, g, b] = numbers(text).map(v => v / 255).map(
        v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
    const behind = node => { for (; node; node = node.parentElement) {
        const found = getComputedStyle(node).backgroundColor, parts = numbers(found);
        if (parts.length < 4 || parts[3] === 1) return found; } return "rgb(255, 255, 255)"; };
    return selectors.map(selector => { const node = document.querySelector(selector);
        const pair = [light(getComputedStyle(node).color), light(behind(node))];
        pair.sort((a, b) => b - a);
        return (pair[0] + 0.05) / (pair[1] + 0.05); });
}"""
TEXTS = [".nsvq-head p", "#message .nsvq-note", "#numbers dt", "#numbers dd", "#examples button",
         "#listen-player .note", "#listen-player .hint", "#bitrate label span"]  # fmt: skip


def test_light_and_dark_are_readable_and_remembered(browser: Any, demo: RunningDemo) -> None:
    context = browser.new_context(color_scheme="dark")
    visit = Visit(context.new_page(), demo.url).open()
    is_dark = "document.body.classList.contains('dark')"
    assert visit.page.evaluate(is_dark)
    assert min(visit.page.evaluate(CONTRAST, TEXTS)) >= 4.5
    visit.page.click(".nsvq-head button")
    assert not visit.page.evaluate(is_dark)
    visit.open()
    assert not visit.page.evaluate(is_dark)
    assert min(visit.page.evaluate(CONTRAST, TEXTS)) >= 4.5
    assert visit.complaints == []
    context.close()


def test_about_tells_what_this_is(visit: Visit) -> None:
    page = visit.open().page
    visit.tab("About")
    for word in ("toy", "0.3 to 1.8 kbps", "CC0", "16 kHz", "speech", "CC BY 4.0"):
        assert word in page.inner_text("[role=tabpanel]:visible")
