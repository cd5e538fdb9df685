"""How many files a reader opens between a verb and the bytes it writes."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from types import FrameType

import pytest

from tests.app.conftest import Nsvq

ROOT = Path(__file__).parents[2]


@contextmanager
def walks_to(*ends: tuple[str, str]) -> Iterator[dict[tuple[str, str], list[str]]]:
    """Files entered from a verb to the first call of each (file, function), the outermost first."""
    found: dict[tuple[str, str], list[str]] = {}

    def look(frame: FrameType, event: str, argument: object) -> None:
        here = (_name(frame), frame.f_code.co_name)
        if event == "call" and here in ends and here not in found:
            found[here] = _files(frame)

    sys.setprofile(look)
    try:
        yield found
    finally:
        sys.setprofile(None)


def _files(frame: FrameType | None) -> list[str]:
    names = []
    while frame is not None:
        names.append(_name(frame))
        frame = frame.f_back
    ours = [name for name, _ in groupby(name for name in reversed(names) if name)]
    start = next(i for i, name in enumerate(ours) if name.startswith("app/verbs/"))
    return ours[start:]


def _name(frame: FrameType) -> str:
    path = Path(frame.f_code.co_filename)
    inside = path.is_relative_to(ROOT) and not path.is_relative_to(ROOT / "tests")
    return path.relative_to(ROOT).as_posix() if inside else ""


@pytest.mark.parametrize(
    ("verb", "ends"),
    [
        ("encode", [("codec/codebooks.py", "encode"), ("codec/bitstream/chunks.py", "pack_chunk")]),
        ("decode", [("codec/pcm.py", "to_pcm16")]),
    ],
)
def test_ten_files_at_most_and_none_twice(
    verb: str,
    ends: list[tuple[str, str]],
    nsvq: Nsvq,
    clip: Path,
    coded: Path,
    toy_checkpoint: Path,
    tmp_path: Path,
) -> None:
    source = clip if verb == "encode" else coded
    words = ("--checkpoint", toy_checkpoint, "--jobs", 1)
    with walks_to(*ends) as walks:
        assert nsvq(verb, source, "-o", f"{tmp_path}/", *words).exit_code == 0
    assert set(walks) == set(ends)
    for walk in walks.values():
        assert len(walk) == len(set(walk)) <= 10, walk
        assert walk[0] == f"app/verbs/{verb}.py"
