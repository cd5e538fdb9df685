"""Temporary folders of processes that are gone are swept; those of others are left alone."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from codec import temporary
from codec.temporary import TemporaryFolder, sweep

ROOT = Path(__file__).parents[2]
MAKER = """
import sys, time
from pathlib import Path
from codec.temporary import TemporaryFolder
with TemporaryFolder("demo", Path(sys.argv[1])) as folder:
    (folder / "results").mkdir()
    (folder / "results" / "a.wav").write_bytes(b"sound")
    print(folder.name, flush=True)
    time.sleep(60)
"""
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="has no such locks")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_a_killed_process_leaves_is_swept_and_what_a_live_one_has_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [sys.executable, "-c", MAKER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as maker:
        assert maker.stdout
        left = maker.stdout.readline().strip()
        assert names(tmp_path) == [left]
        past = time.time() - 1e6
        os.utime(tmp_path / left, (past, past))
        assert sweep(tmp_path) == 0  # however old
        maker.send_signal(signal.SIGKILL)
        maker.wait()
    assert names(tmp_path / left) == ["results"]
    monkeypatch.setattr(temporary, "_swept", set())
    with TemporaryFolder("ffmpeg", tmp_path) as folder:  # of another kind
        assert names(tmp_path) == [folder.name]
        assert sweep(tmp_path) == 0
    assert names(tmp_path) == []


def test_a_sweeper_between_a_new_folder_and_its_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds the lock for a while, then removes the folder: the maker begins with another."""
    fcntl = pytest.importorskip("fcntl")
    swept: list[Path] = []
    flock = fcntl.flock

    def late(handle: int, kind: int) -> None:
        if not swept:
            (path,) = tmp_path.iterdir()
            swept.append(path)
            sweeper = os.open(path, os.O_RDONLY)
            flock(sweeper, fcntl.LOCK_EX)

            def remove() -> None:
                path.rmdir()
                os.close(sweeper)

            threading.Timer(0.2, remove).start()
        flock(handle, kind)

    monkeypatch.setattr(temporary, "_swept", {tmp_path})
    monkeypatch.setattr(fcntl, "flock", late)
    with TemporaryFolder("demo", tmp_path) as folder:
        time.sleep(0.4)
        assert folder.is_dir()
        assert folder not in swept
    assert names(tmp_path) == []


def test_a_sweeper_before_a_new_folder_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = temporary._opened
    swept: list[int] = []

    def late(path: Path) -> int | None:
        if not swept:
            swept.append(1)
            path.rmdir()
        return opened(path)

    monkeypatch.setattr(temporary, "_swept", {tmp_path})
    monkeypatch.setattr(temporary, "_opened", late)
    with TemporaryFolder("demo", tmp_path) as folder:
        assert folder.is_dir()


def test_a_forked_process_leaves_the_folder_to_its_parent(tmp_path: Path) -> None:
    command = """
import os, sys
from pathlib import Path
from codec.temporary import TemporaryFolder
folder = TemporaryFolder("demo", Path(sys.argv[1]))
if child := os.fork():
    os.waitpid(child, 0)
    print(folder.path.is_dir())
folder.close()
"""
    found = subprocess.run(
        [sys.executable, "-c", command, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert found.stdout == "True\n"
    assert names(tmp_path) == []


def test_a_program_that_is_run_does_not_hold_the_folder(tmp_path: Path) -> None:
    """ffmpeg, say, may live longer than who called it."""
    with TemporaryFolder("ffmpeg", tmp_path) as folder:
        command = ["ls", "-l", "/proc/self/fd"]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert folder.name not in result.stdout


def test_folders_of_others_are_not_swept(tmp_path: Path) -> None:
    """Of other names (releases before had eight letters), files, links, other users."""
    (tmp_path / "kept").mkdir()
    for name in ("nsvq-demo-abcdefgh", "nsvq-demo-0123456789ABCDEF", "nsvq-0123456789abcdef"):
        (tmp_path / name).mkdir()
    (tmp_path / f"nsvq-demo-{'0' * 16}").touch()
    (tmp_path / f"nsvq-demo-{'1' * 16}").symlink_to(tmp_path / "kept")
    assert sweep(tmp_path) == 0
    assert len(names(tmp_path)) == 6


def test_folders_of_other_users_are_not_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / f"nsvq-demo-{'2' * 16}").mkdir()
    with monkeypatch.context() as patched:
        patched.setattr(os, "getuid", lambda: 12_345)
        assert sweep(tmp_path) == 0
    assert sweep(tmp_path) == 1


def test_nobody_else_may_look_inside(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with TemporaryFolder("demo", tmp_path) as folder:
            assert folder.stat().st_mode & 0o777 == 0o700
    finally:
        os.umask(before)


def test_without_locks_nothing_is_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(temporary, "fcntl", None)
    (tmp_path / f"nsvq-demo-{'3' * 16}").mkdir()
    with TemporaryFolder("demo", tmp_path) as folder:
        assert folder.is_dir()
        assert sweep(tmp_path) == 0
    assert names(tmp_path) == [f"nsvq-demo-{'3' * 16}"]


def test_no_other_temporary_folders_are_made() -> None:
    """Those of `tempfile` stay where a process is killed."""
    made = re.compile(r"TemporaryDirectory|mkdtemp")
    paths = [path for part in ("codec", "training", "app") for path in (ROOT / part).rglob("*.py")]
    assert [path for path in paths if made.search(path.read_text(encoding="utf-8"))] == []
