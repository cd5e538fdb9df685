"""Files appear whole or not at all."""

import io
import os
from pathlib import Path

import pytest

from codec.errors import OutputError
from codec.output import check_target, new_file


def write(target: object, data: bytes, force: bool = False) -> None:
    with new_file(target, force) as file:  # type: ignore[arg-type]
        file.write(data)


def write_half(target: object, error: BaseException, force: bool = False) -> None:
    with new_file(target, force) as file:  # type: ignore[arg-type]
        file.write(b"half")
        file.flush()
        raise error


def test_nothing_is_left_behind_by_an_error(tmp_path: Path) -> None:
    path, stream = tmp_path / "a", io.BytesIO()
    for target in (path, stream):
        with pytest.raises(KeyboardInterrupt):
            write_half(target, KeyboardInterrupt())
    assert not list(tmp_path.iterdir())
    assert not stream.getvalue()


def test_an_old_file_survives_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write(path, b"old")
    with pytest.raises(ValueError, match="oops"):
        write_half(path, ValueError("oops"), force=True)
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_force(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write(path, b"old")
    with pytest.raises(OutputError, match="exists already"):
        write(path, b"new")
    assert path.read_bytes() == b"old"
    write(path, b"new", force=True)
    assert path.read_bytes() == b"new"


def test_a_file_that_appears_meanwhile_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a"
    file = new_file(path)
    file.__enter__().write(b"mine")
    path.write_bytes(b"theirs")
    with pytest.raises(OutputError, match="appeared"):
        file.__exit__(None, None, None)
    assert path.read_bytes() == b"theirs"
    assert len(list(tmp_path.iterdir())) == 1


def test_targets_that_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "no" / "a", tmp_path / ("x" * 300)):
        with pytest.raises(OutputError):
            write(path, b"")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_no_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="no permission"):
        check_target(tmp_path / "a", force=False)


def test_devices_are_written_to_and_links_followed(tmp_path: Path) -> None:
    write(Path(os.devnull), b"gone", force=True)
    assert not Path(os.devnull).is_file()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "real")
    write(link, b"new")
    assert link.is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"
