"""Which recordings can be read, by their suffix: what libsndfile reads, and ffmpeg where it is."""

from pathlib import Path

LIBSNDFILE = (
    ".wav", ".flac", ".ogg", ".mp3", ".oga", ".opus", ".aiff", ".aif", ".aifc", ".au", ".snd",
    ".caf", ".w64", ".rf64", ".sph", ".nist", ".voc", ".ircam", ".sf", ".paf", ".pvf", ".avr",
    ".svx", ".8svx", ".wve", ".htk", ".sds", ".xi", ".mp2", ".mp1",
)  # fmt: skip
"""Suffixes of formats that libsndfile reads by themselves, the commonest first."""
FFMPEG = (
    ".m4a", ".mp4", ".webm", ".wma", ".aac", ".mka", ".mkv", ".mov", ".m4b", ".amr", ".3gp",
    ".ac3", ".ape", ".wv", ".tta", ".mpc", ".spx", ".dts",
)  # fmt: skip
"""Suffixes of formats that the program ffmpeg reads, where it is installed."""
ALL = LIBSNDFILE + FFMPEG
COMMON = ", ".join(LIBSNDFILE[:4]) + ", …"
"""Some of them, for a message."""


def suffix_of(path: str | Path) -> str:
    """The suffix in lower case. `suffix_of("a/B.WAV")` is `".wav"`."""
    return Path(path).suffix.lower()
