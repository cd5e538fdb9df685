"""Compress speech to `.nsvq` and rebuild it.

`Codec` loads on first use, so that `import codec` stays instant: torch takes seconds.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from codec.errors import (
    AudioError,
    BitstreamError,
    CheckpointError,
    CodecError,
    ConfigError,
    CorruptError,
    ModelMismatchError,
    OutputError,
    VersionError,
)

if TYPE_CHECKING:
    from codec.codec import Codec

__all__ = [
    "AudioError",
    "BitstreamError",
    "CheckpointError",
    "Codec",
    "CodecError",
    "ConfigError",
    "CorruptError",
    "ModelMismatchError",
    "OutputError",
    "VersionError",
]


def __getattr__(name: str) -> Any:
    if name == "Codec":
        return import_module("codec.codec").Codec
    raise AttributeError(f"module 'codec' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
