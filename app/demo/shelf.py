"""Where a running demo keeps files: one private folder, gone when it stops.

Every result lies in a folder of its own under an unguessable name, so its address is known only to
the browser it was made for. Uploads land in the same root (Gradio's `GRADIO_TEMP_DIR`).
"""

import os
import re
import secrets
import shutil
import tempfile
import threading
import time
from pathlib import Path

MAX_NAME = 80


def safe_name(name: str, fallback: str = "clip") -> str:
    r"""A file name without folders, control characters or surprises.

    >>> safe_name("../../etc/passwd"), safe_name("C:\\x\\say <b>.wav"), safe_name("...")
    ('passwd', 'say _b_.wav', 'clip')
    """
    last = re.split(r"[/\\]", name)[-1]
    cleaned = re.sub(r"[^\w .,()+-]", "_", last).strip(" .")
    if len(cleaned) > MAX_NAME:
        stem, suffix = os.path.splitext(cleaned)
        cleaned = stem[: MAX_NAME - len(suffix)] + suffix if len(suffix) < 12 else cleaned[:MAX_NAME]
    return cleaned or fallback


class Shelf:
    """Temporary files of one running demo."""

    def __init__(self, keep_s: float) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="nsvq-demo-")).resolve()
        self.keep_s = keep_s
        self._stop = threading.Event()
        self._sweeper: threading.Thread | None = None

    def place(self, name: str) -> Path:
        """A path for a new file called `name`, in a fresh folder nobody can guess."""
        folder = self.root / "results" / secrets.token_urlsafe(18)
        folder.mkdir(parents=True)
        return folder / safe_name(name)

    def sweep(self, now: float | None = None) -> int:
        """Delete files older than `keep_s` and folders left empty; how many files went."""
        limit = (time.time() if now is None else now) - self.keep_s
        removed = 0
        for folder, _, names in os.walk(self.root, topdown=False):
            for name in names:
                path = Path(folder, name)
                try:
                    if path.lstat().st_mtime < limit:
                        path.unlink()
                        removed += 1
                except FileNotFoundError:
                    continue
            self._drop_folder(Path(folder), limit)
        return removed

    def _drop_folder(self, folder: Path, limit: float) -> None:
        try:
            if folder != self.root and folder.stat().st_mtime < limit:
                folder.rmdir()
        except OSError:
            return  # not empty, or already gone

    def start_sweeping(self) -> None:
        """Sweep in the background until `close`."""
        pause_s = min(60.0, self.keep_s / 4)

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
        shutil.rmtree(self.root, ignore_errors=True)
