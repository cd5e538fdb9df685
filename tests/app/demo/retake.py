"""Take the pictures of the page again, with the shipped weights.

    python tests/app/demo/retake.py               renews docs/demo.png
    python tests/app/demo/retake.py FOLDER        every tab, light and dark, desktop and phone

Imports what it needs when it runs: pytest looks for doctests here, without a browser maybe.
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.app.demo.visitor import Visit

ROOT = Path(__file__).parents[3]
DESKTOP, PHONE = (1280, 900), (390, 844)
PATIENCE_MS = 300_000


def listen(visit: "Visit") -> None:
    """The first example with everything that is shown about it."""
    visit.open().page.wait_for_selector("#spectrograms svg >> nth=2")
    visit.page.wait_for_selector("#stages circle >> nth=7")


def compare(visit: "Visit") -> None:
    """Several rates beside Opus, and a blind trial."""
    visit.tab("Compare")
    visit.page.click("#compare-go")
    visit.page.click("#trial-start")
    visit.page.wait_for_selector("#trial-player [data-state=ready]")
    visit.page.wait_for_selector("#compare-stop:disabled")


def call(visit: "Visit") -> None:
    """A call over a bad line, beside Opus."""
    visit.tab("Call")
    visit.slide("call-loss", "End")
    visit.page.click("#call-go")
    visit.page.wait_for_selector("#call-player [data-state=ready]")
    visit.page.wait_for_selector("#call-stop:disabled")


def evaluate(visit: "Visit") -> None:
    """A curve over two clips."""
    clips = (ROOT / "app" / "examples" / name for name in ("kerstin.flac", "vctk-p232.flac"))
    visit.tab("Evaluate")
    visit.choose("evaluate-in", *clips)
    visit.page.click("#evaluate-go")
    visit.page.wait_for_selector("#evaluate-out a")


def every_tab(visit: "Visit") -> Iterator[str]:
    """Go through the tabs; the name of each once it shows something."""
    for show in (listen, compare, call, evaluate):
        show(visit)
        yield show.__name__
    for name in ("Files", "About"):
        visit.tab(name)
        visit.page.wait_for_timeout(500)
        yield name.lower()


def visit_in(browser: Any, url: str, size: tuple[int, int], scheme: str) -> "Visit":
    """A fresh visitor."""
    from visitor import Visit

    viewport = {"width": size[0], "height": size[1]}
    page = browser.new_context(viewport=viewport, color_scheme=scheme).new_page()
    visit = Visit(page, url)
    page.set_default_timeout(PATIENCE_MS)
    return visit


def take_all(browser: Any, url: str, folder: Path) -> None:
    """Write folder/WIDTH-SCHEME-TAB.png for all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    for size in (DESKTOP, PHONE):
        for scheme in ("light", "dark"):
            visit = visit_in(browser, url, size, scheme)
            for tab in every_tab(visit):
                path = folder / f"{size[0]}-{scheme}-{tab}.png"
                visit.page.screenshot(path=path, full_page=True)


def main() -> None:
    """See the top of this file."""
    from PIL import Image
    from playwright.sync_api import sync_playwright
    from process import running
    from visitor import BROWSER, FLAGS

    with (
        tempfile.TemporaryDirectory() as temporary,
        running("--votes", f"{temporary}/votes.csv", temporary=Path(temporary)) as (url, _),
        sync_playwright() as driver,
    ):
        browser = driver.chromium.launch(executable_path=BROWSER, headless=True, args=FLAGS)
        if len(sys.argv) > 1:
            take_all(browser, url, Path(sys.argv[1]))
            return
        visit = visit_in(browser, url, DESKTOP, "light")
        listen(visit)
        picture = ROOT / "docs" / "demo.png"
        visit.page.screenshot(path=picture, full_page=True)
        Image.open(picture).convert("RGB").quantize(128).save(picture, optimize=True)


if __name__ == "__main__":
    main()
