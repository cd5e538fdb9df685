"""What whoever starts the demo decides."""

from dataclasses import dataclass
from pathlib import Path

from codec.errors import ConfigError

MB = 1_000_000


@dataclass(frozen=True)
class DemoSettings:
    """Limits and places of one running demo.

    >>> DemoSettings(max_minutes=2).max_upload_bytes
    40000000
    """

    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 lets other machines in."""
    port: int = 7860
    """Port to listen on; 0 takes a free one."""
    share: bool = False
    """Ask Gradio for a temporary public link (needs a network)."""
    max_minutes: float = 5.0
    """Longest recording accepted, in minutes."""
    concurrency: int = 2
    """Clips computed at the same time; the others wait in the queue."""
    checkpoint: str = "default"
    """Name of a shipped checkpoint, or a path."""
    device: str = "cpu"
    """Where the network runs."""
    votes: Path = Path("results/votes.csv")
    """CSV that blind votes are appended to."""
    report: Path | None = None
    """HTML report of `nsvq evaluate` to show on the Evaluate tab."""
    queue_limit: int = 40
    """Requests that may wait; the next one is told to come back later."""
    keep_minutes: float = 60.0
    """Results and uploads older than this are deleted."""

    def __post_init__(self) -> None:
        checks = {
            "port": 0 <= self.port <= 65_535,
            "max_minutes": 0.0 < self.max_minutes <= 60.0,
            "concurrency": 1 <= self.concurrency <= 64,
            "queue_limit": self.queue_limit >= 1,
            "keep_minutes": self.keep_minutes > 0.0,
        }
        for name, good in checks.items():
            if not good:
                raise ConfigError(f"demo setting {name} = {getattr(self, name)!r} is out of range")

    @property
    def max_seconds(self) -> float:
        """Longest recording accepted, in seconds."""
        return 60.0 * self.max_minutes

    @property
    def max_upload_bytes(self) -> int:
        """Largest file accepted: room for 48 kHz 24-bit stereo of `max_minutes`."""
        return max(20 * MB, int(20 * MB * self.max_minutes))

    @property
    def max_request_bytes(self) -> int:
        """Most bytes in one request, which may hold several files."""
        return 4 * self.max_upload_bytes

    @property
    def max_values(self) -> int:
        """Most samples of all channels together: 48 kHz stereo of `max_minutes`."""
        return int(96_000 * self.max_seconds)
