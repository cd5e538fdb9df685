"""The version of what is running."""

from importlib import metadata


def version() -> str:
    """The installed version, or that of a source tree that was never installed."""
    try:
        return metadata.version("nsvq-codec")
    except metadata.PackageNotFoundError:
        return "0+source"
