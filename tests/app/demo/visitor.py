"""A visitor's browser: Debian's chromium, driven by playwright."""

import os
import shutil
from pathlib import Path
from typing import Any

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or ""
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
        page.on("pageerror", self._note)
        page.route("**/*", self._watch)

    def _listen(self, message: Any) -> None:
        if message.type == "error":
            refused = message.text.startswith("Failed to load resource")
            where = f" {message.location['url']}" if refused else ""
            self.complaints.append(message.text + where)

    def _note(self, error: Any) -> None:
        self.complaints.append(str(error))

    def _watch(self, route: Any) -> None:
        """Let through what is asked of the demo; note and refuse all else."""
        if route.request.url.startswith((self.home, "data:", "blob:")):
            route.continue_()
        else:
            self.foreign.append(route.request.url)
            route.abort()

    def leave(self) -> None:
        """Go away from the page: that its open requests then end is no fault of its own."""
        before = len(self.complaints)
        self.page.goto("about:blank")
        del self.complaints[before:]

    def drop_gradio_complaints(self) -> None:
        """Gradio's own page: it cancels calls that have no id yet."""
        known = ("/gradio_api/cancel", "/gradio_api/reset")
        self.complaints = [t for t in self.complaints if not any(word in t for word in known)]

    def open(self) -> "Visit":
        self.leave()
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

    def choose(self, box: str, *paths: Path) -> None:
        """Put files into a box that takes several, and wait until they are there."""
        self.page.set_input_files(f"#{box} input[type=file]", [str(path) for path in paths])
        self.page.wait_for_selector(f"#{box} tr.file >> nth={len(paths) - 1}")

    def slide(self, slider: str, key: str) -> None:
        """Press a key on a slider."""
        self.page.locator(f"#{slider} input[type=range]").press(key)

    def download(self, button: str) -> bytes:
        """What a button or link downloads, once it does."""
        self.page.wait_for_selector(f"{button}:not([disabled])")
        with self.page.expect_download() as download:
            self.page.locator(button).first.click()
        return Path(download.value.path()).read_bytes()
