"""What can't be read in a folder, or without ffmpeg, is told, and the rest is done."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from codec import ffmpeg
from tests.app.conftest import Nsvq, names
from tests.conftest import forbid


def test_what_a_folder_holds_and_can_not_be_read_is_told(
    nsvq: Nsvq, folder: Path, toy_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(folder / "p.wav")
    (folder / "song.m4a").write_bytes(b"sound")
    (folder / "notes.txt").write_text("of no interest")
    soundfile.write(folder / "4.aiff", np.zeros(4_000), 16_000)
    monkeypatch.setattr(ffmpeg, "have_ffmpeg", lambda: False)
    options = ("--checkpoint", toy_checkpoint, "--jobs", 1)
    result = nsvq("encode", folder, "-o", tmp_path / "out", *options)
    lines = result.stderr.splitlines()
    assert lines[0] == f"nsvq: left out: {folder / 'p.wav'}: not a regular file"
    assert lines[1].startswith(f"nsvq: {folder / 'song.m4a'}: reading .m4a needs")
    assert result.exit_code == 1
    assert names(tmp_path / "out") == ["0.nsvq", "1.nsvq", "3.nsvq", "4.nsvq"]


def test_a_folder_that_can_not_be_read_is_a_failure_of_the_run(
    nsvq: Nsvq, folder: Path, secret: Path, toy_checkpoint: Path, tmp_path: Path
) -> None:
    """The rest is done; before, the exit code was 0."""
    (folder / "2.flac").unlink()
    line = f"{secret}: folder can't be read (Permission denied)"
    options = ("-o", tmp_path / "out", "--checkpoint", toy_checkpoint, "--jobs", 1)
    result = nsvq("encode", folder, *options, "-q")
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", f"nsvq: {line}\n")
    assert names(tmp_path / "out") == ["0.nsvq", "1.nsvq", "3.nsvq"]
    result = nsvq("encode", folder, *options, "-f", "--json")
    told = json.loads(result.stdout)
    assert told["failures"] == [{"input": str(secret), "error": line}]
    assert (result.exit_code, len(told["files"])) == (1, 3)


@pytest.mark.parametrize("verb", ["decode", "info", "trim", "reconstruct"])
def test_other_verbs_tell_of_such_a_folder_too(
    verb: str, nsvq: Nsvq, folder: Path, secret: Path, coded: Path, clip: Path, tmp_path: Path,
    toy_checkpoint: Path,
) -> None:  # fmt: skip
    for path in folder.glob("*.flac"):
        path.unlink()
    source = clip if verb == "reconstruct" else coded
    (folder / source.name).write_bytes(source.read_bytes())
    options: dict[str, tuple[object, ...]] = {
        "decode": ("-o", tmp_path / "out", "--checkpoint", toy_checkpoint),
        "info": (),
        "trim": ("-o", tmp_path / "out", "--stages", 1),
        "reconstruct": ("-o", tmp_path / "out", "--checkpoint", toy_checkpoint),
    }
    result = nsvq(verb, folder, *options[verb])
    assert result.exit_code == 1
    assert result.stderr == f"nsvq: {secret}: folder can't be read (Permission denied)\n"


def test_a_folder_with_nothing_but_such_a_folder(nsvq: Nsvq, folder: Path, secret: Path) -> None:
    for path in folder.glob("*.flac"):
        path.unlink()
    result = nsvq("encode", folder, "--in-place")
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.endswith(f"{secret}: folder can't be read (Permission denied)")


@pytest.fixture
def secret(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A subfolder without permission, whoever runs the tests."""
    (folder / "secret").mkdir()
    forbid(folder / "secret", monkeypatch)
    return folder / "secret"


LOADED = """
import sys
from app.cli import cli
try:
    cli.main(sys.argv[1:])
finally:
    print("codec.backends.numpy_backend" in sys.modules, file=sys.stderr)
"""
"""`nsvq`, and then whether it has loaded the backend that it takes by default."""


def test_without_ffmpeg_the_network_is_not_loaded(
    clip: Path, toy_checkpoint: Path, tmp_path: Path
) -> None:
    environment = {**os.environ, "PATH": str(tmp_path)}
    options = ("-o", tmp_path / "out", "--checkpoint", toy_checkpoint, "--quiet")

    def encode(source: Path) -> list[str]:
        command = [sys.executable, "-c", LOADED, "encode", source, *options]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=60, check=False
        ).stderr.splitlines()

    (tmp_path / "a.m4a").write_bytes(b"sound")
    line, loaded = encode(tmp_path / "a.m4a")
    assert "needs the program ffmpeg, which is not installed" in line
    assert loaded == "False"
    assert encode(clip) == ["True"]
