"""`nsvq export`: files written, or one line that says why not."""

import json
from pathlib import Path

import pytest

from tests.app.conftest import Nsvq

pytest.importorskip("onnx", reason="needs pip install 'nsvq-codec[onnx]'")


def test_both_graphs_are_written(nsvq: Nsvq, toy_checkpoint: Path, tmp_path: Path) -> None:
    args = ("export", "-o", tmp_path / "new" / "folder", "--checkpoint", toy_checkpoint)
    result = nsvq(*args, "--json")
    assert result.exit_code == 0, result.stderr
    files = json.loads(result.stdout)
    assert [Path(file["output"]).name for file in files] == ["encoder.onnx", "decoder.onnx"]
    assert all(Path(file["output"]).stat().st_size == file["bytes"] for file in files)
    again = nsvq(*args)
    assert again.exit_code == 1
    assert len(again.stderr.splitlines()) == 1
    assert "exists already" in again.stderr
    assert nsvq(*args, "--force").exit_code == 0


def test_a_folder_that_can_not_be_made(nsvq: Nsvq, toy_checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    result = nsvq("export", "-o", tmp_path / "file" / "in", "--checkpoint", toy_checkpoint)
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert "can't be made" in result.stderr
