"""Work for `run_jobs` that goes wrong; a plain module, which worker processes can import."""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Deadly:
    """A job called "die" ends its process, one called "bug" raises what nobody foresaw."""

    error: type[Exception] = MemoryError

    def load(self) -> None:
        """Nothing is needed."""

    def __call__(
        self, source: Path, target: Path, progress: Callable[[float, float], None]
    ) -> dict[str, Any]:
        """Two seconds of audio."""
        progress(1.0, 2.0)
        if source.name == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if source.name == "bug":
            raise self.error("what nobody foresaw")
        return {"seconds": 2.0}
