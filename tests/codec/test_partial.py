"""Half-written files of writers that are gone are swept; those of others are left alone."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import BinaryIO

import pytest

from codec import partial
from codec.errors import OutputError
from codec.output import check_target, new_file
from codec.partial import partial_file, sweep

WRITER = """
import sys, time
from pathlib import Path
from codec.output import new_file
with new_file(Path(sys.argv[1])) as file:
    file.write(b"half")
    file.flush()
    print("writing", flush=True)
    time.sleep(60)
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_a_killed_writer_leaves_is_swept_and_what_a_live_one_writes_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path / "a.nsvq")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        assert writer.stdout
        writer.stdout.readline()
        (left,) = names(tmp_path)
        assert sweep(tmp_path) == 0
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    assert names(tmp_path) == [left]
    monkeypatch.setattr(partial, "_swept", set())
    with new_file(tmp_path / "b.nsvq") as file:
        file.write(b"whole")
    assert names(tmp_path) == ["b.nsvq"]


def test_a_sweeper_between_a_new_file_and_its_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds the lock for a while, then removes the file: the writer begins with another."""
    fcntl = pytest.importorskip("fcntl")
    swept: list[Path] = []
    flock = fcntl.flock

    def late(file: BinaryIO, kind: int) -> None:
        if not swept:
            (path,) = tmp_path.iterdir()
            swept.append(path)
            sweeper = path.open("rb")
            flock(sweeper, fcntl.LOCK_EX)

            def remove() -> None:
                path.unlink()
                sweeper.close()

            threading.Timer(0.2, remove).start()
        flock(file, kind)

    monkeypatch.setattr(partial, "_swept", {tmp_path})
    monkeypatch.setattr(fcntl, "flock", late)
    with new_file(tmp_path / "a.nsvq") as file:
        time.sleep(0.4)
        file.write(b"whole")
    assert (tmp_path / "a.nsvq").read_bytes() == b"whole"
    assert names(tmp_path) == ["a.nsvq"]


def test_files_of_others_are_not_swept(tmp_path: Path) -> None:
    for name in (".mine.partial", "a.0123abcd.partial", ".a.0123ABCD.partial", ".a.0123abcd"):
        (tmp_path / name).touch()
    assert sweep(tmp_path) == 0
    assert len(names(tmp_path)) == 4


def test_a_name_of_sixty_emoji_is_not_too_long(tmp_path: Path) -> None:
    path = tmp_path / f"{'🎧' * 60}.wav"
    with new_file(path) as file:
        file.write(b"whole")
    assert path.read_bytes() == b"whole"
    with partial_file(path) as (half, _):
        assert len(os.fsencode(half.name)) < 100


def test_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    loop = tmp_path / "loop.wav"
    loop.symlink_to(loop)
    for force in (False, True):
        with pytest.raises(OutputError, match=r"loop\.wav: can't be written"):
            check_target(loop, force)
    assert loop.is_symlink()


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)])
def test_the_umask_decides_who_may_read(tmp_path: Path, mask: int, mode: int) -> None:
    before = os.umask(mask)
    try:
        with new_file(tmp_path / "a") as file:
            file.write(b"whole")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == mode
