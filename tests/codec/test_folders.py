"""The files below a folder, and folders that can't be looked into."""

from pathlib import Path

import pytest

from codec.folders import files_below
from tests.conftest import forbid


def test_files_below_and_what_can_not_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.wav", ".b.wav", "deep/c.wav", ".deep/d.wav", "secret/e.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "again").symlink_to(tmp_path)
    forbid(tmp_path / "secret", monkeypatch)
    unread: dict[Path, str] = {}
    found = {path.name for path in files_below(tmp_path, unread.__setitem__)}
    assert found == {"a.wav", ".b.wav", "c.wav", "d.wav"}
    assert unread == {tmp_path / "secret": "folder can't be read (Permission denied)"}
    shown = {path.name for path in files_below(tmp_path, unread.__setitem__, hidden=False)}
    assert shown == {"a.wav", "c.wav"}
