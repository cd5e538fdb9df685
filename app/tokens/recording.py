"""What goes to a worker and what comes back."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Recording:
    """One recording, or a part of one, that becomes codes."""

    id: str
    """Names it in the shards and in a run that goes on."""
    path: str
    """The audio file; for audio inside a manifest, what that says of it."""
    data: bytes | None = None
    """The audio file's bytes, where a manifest holds them."""
    start_s: float = 0.0
    seconds: float | None = None
    """Length of the part; None: to the end."""
    channel: int | None = None
    """The only channel to take; None: all."""
    columns: dict[str, Any] = field(default_factory=dict)
    """What the manifest says besides."""
    fault: str = ""
    """Why it can't be read, if the manifest already shows that."""

    @property
    def is_whole(self) -> bool:
        """Whether every sample of the file is meant."""
        return self.start_s == 0.0 and self.seconds is None and self.channel is None


@dataclass(frozen=True)
class Outcome:
    """A recording's rows, or the reason why there are none."""

    id: str
    path: str
    start_s: float
    rows: tuple[dict[str, Any], ...] = ()
    """One for each channel, `codes` as uint16 [Q, F]."""
    error: str = ""
    warnings: tuple[str, ...] = ()
    """What looks wrong with it though it was coded."""
    processor_s: float = 0.0
    """Processor time that the worker spent on it."""
    peak_mb: float = 0.0
    """Most memory that the worker held until then."""

    @property
    def seconds(self) -> float:
        """Audio that became codes, all channels together."""
        return sum(row["seconds"] for row in self.rows)


@dataclass(frozen=True)
class Settings:
    """What makes the codes what they are."""

    checkpoint: str
    num_stages: int
    model_id: str
    """In hexadecimal."""
    effort: int = 1
    device: str = "cpu"


def failed(recording: Recording, reason: str) -> Outcome:
    """The outcome of a recording that can't become codes."""
    reason = " ".join(reason.split()) or "no reason given"
    return Outcome(recording.id, recording.path, recording.start_s, error=reason)
