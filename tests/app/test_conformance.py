"""`nsvq conformance`."""

import json
from pathlib import Path

from tests.app.conftest import Nsvq


def test_made_checked_and_failed(nsvq: Nsvq, toy_checkpoint: Path, tmp_path: Path) -> None:
    options = ("--checkpoint", toy_checkpoint)
    made = nsvq("conformance", "--make", tmp_path / "v", *options)
    assert made.exit_code == 0, made.stderr
    assert made.stdout.startswith("28 files, ")
    checked = nsvq("conformance", "--vectors", tmp_path / "v", *options)
    assert checked.exit_code == 0, checked.stderr
    assert checked.stdout.endswith("14 of 14 vectors agree\n")
    again = nsvq("conformance", "--make", tmp_path / "v", *options)
    assert again.exit_code == 1
    assert "--force" in again.stderr
    (tmp_path / "v" / "half.nsvq").write_bytes(b"")
    result = nsvq("conformance", "--vectors", tmp_path / "v", "--json", *options)
    assert result.exit_code == 1
    verdicts = {facts["name"]: facts for facts in json.loads(result.stdout)}
    assert [name for name, facts in verdicts.items() if not facts["passes"]] == ["half"]
    assert nsvq("conformance", "--make", tmp_path / "v", "-f", *options).exit_code == 0
    assert nsvq("conformance", "--vectors", tmp_path / "v", *options).exit_code == 0


def test_another_backend_is_checked(nsvq: Nsvq, toy_checkpoint: Path, tmp_path: Path) -> None:
    options = ("--checkpoint", toy_checkpoint)
    assert nsvq("conformance", "--make", tmp_path, *options).exit_code == 0
    result = nsvq("conformance", "--vectors", tmp_path, *options, "--backend", "torch")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.endswith("14 of 14 vectors agree\n")
    nowhere = nsvq("conformance", "--vectors", tmp_path, *options, "--device", "nowhere")
    assert (nowhere.exit_code, len(nowhere.stderr.splitlines())) == (1, 1)


def test_vectors_of_other_weights_are_one_line(
    nsvq: Nsvq, toy_checkpoint: Path, other_checkpoint: Path, tmp_path: Path
) -> None:
    nsvq("conformance", "--make", tmp_path, "--checkpoint", toy_checkpoint)
    for vectors in (tmp_path, tmp_path / "none"):
        result = nsvq("conformance", "--vectors", vectors, "--checkpoint", other_checkpoint)
        assert result.exit_code == 1
        assert len(result.stderr.splitlines()) == 1
