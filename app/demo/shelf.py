"""Where a running demo keeps files: one private folder, gone when it stops.

Every result lies in a folder of its own under an unguessable name, so its address is known only to
the browser it was made for. Uploads land in the same root (Gradio's `GRADIO_TEMP_DIR`).
"""

import os
import re
import secrets
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from codec.temporary import TemporaryFolder

MAX_NAME = 80
ABORTED_S = 60.0
"""An upload that hasn't grown for so long was broken off."""


def safe_name(name: str, fallback: str = "clip") -> str:
    r"""A file name without folders, control characters or surprises.

    >>> safe_name("../../etc/passwd"), safe_name("C:\\x\\say <b>.wav"), safe_name("...")
    ('passwd', 'say _b_.wav', 'clip')
    """
    last = re.split(r"[/\\]", name)[-1]
    cleaned = re.sub(r"[^\w .,()+-]", "_", last).strip(" .")
    suffix = Path(cleaned).suffix[:12]
    if len(cleaned) > MAX_NAME:
        cleaned = cleaned[: MAX_NAME - len(suffix)] + suffix
    return cleaned or fallback


class Shelf:
    """Temporary files of one running demo."""

    def __init__(self, keep_s: float, max_bytes: int = 4_000_000_000) -> None:
        self._folder = TemporaryFolder("demo")
        self.root = self._folder.path.resolve()
        self.keep_s, self.max_bytes = keep_s, max_bytes
        self._stop = threading.Event()
        self._sweeper: threading.Thread | None = None

    def place(self, name: str) -> Path:
        """A path for a new file called `name`, in a fresh folder nobody can guess."""
        folder = self.root / "results" / secrets.token_urlsafe(18)
        folder.mkdir(parents=True)
        return folder / safe_name(name)

    def sweep(self, now: float | None = None) -> int:
        """Delete what is too old, and the oldest of what is too much; how many files went."""
        now = time.time() if now is None else now
        limit = now - self.keep_s
        removed = self._drop_aborted(now)
        files = sorted(self._files())
        excess = sum(size for _, size, _ in files) - self.max_bytes
        for changed, size, path in files:
            if changed >= limit and excess <= 0:
                break
            path.unlink(missing_ok=True)
            excess -= size
            removed += 1
        self._drop_empty_folders(limit)
        return removed

    def _drop_aborted(self, now: float) -> int:
        """Delete uploads that no longer grow: complete ones lie in folders of their own."""
        removed = 0
        for path in self.root.iterdir():
            with suppress(FileNotFoundError):
                status = path.lstat()
                if stat.S_ISREG(status.st_mode) and status.st_mtime < now - ABORTED_S:
                    path.unlink()
                    removed += 1
        return removed

    def _files(self) -> Iterator[tuple[float, int, Path]]:
        """Time of last change, bytes and path of everything on the shelf."""
        for folder, _, names in os.walk(self.root):
            for name in names:
                path = Path(folder, name)
                with suppress(FileNotFoundError):
                    status = path.lstat()
                    yield status.st_mtime, status.st_size, path

    def _drop_empty_folders(self, limit: float) -> None:
        for name, _, _ in os.walk(self.root, topdown=False):
            folder = Path(name)
            with suppress(OSError):  # not empty, or already gone
                if folder != self.root and folder.stat().st_mtime < limit:
                    folder.rmdir()

    def start_sweeping(self) -> None:
        """Sweep in the background until `close`."""
        pause_s = min(ABORTED_S / 2, self.keep_s / 4)

        def work() -> None:
            while not self._stop.wait(pause_s):
                self.sweep()

        self._sweeper = threading.Thread(target=work, name="shelf-sweeper", daemon=True)
        self._sweeper.start()

    def close(self) -> None:
        """Stop sweeping and remove everything."""
        self._stop.set()
        if self._sweeper is not None:
            self._sweeper.join(timeout=5)
        self._folder.close()
