"""Versions of the packages that a score is computed with."""

from importlib.metadata import PackageNotFoundError, version

LIBRARIES = (
    "pesq", "pystoi", "scipy", "numpy", "soxr", "soundfile",
    "distillmos", "speechmos", "onnxruntime", "librosa", "visqol-python", "ai-edge-litert",
    "Resemblyzer", "pocketsphinx",
)  # fmt: skip
"""Packages whose version can change a score."""


def package_version(package: str) -> str:
    """Its version, or that it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "(not installed)"
