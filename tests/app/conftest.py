"""The command as tests call it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.cli import cli

Nsvq = Callable[..., Result]


@pytest.fixture
def nsvq() -> Nsvq:
    """Run `nsvq` in this process; the result has exit_code, stdout, stderr and stdout_bytes."""

    def run(*args: object, stdin: bytes | None = None) -> Result:
        return CliRunner().invoke(cli, [str(arg) for arg in args], input=stdin)

    return run


@pytest.fixture
def coded(nsvq: Nsvq, clip: Path, toy_checkpoint: Path, tmp_path: Path) -> Path:
    """`clip` coded with all stages of the toy checkpoint."""
    target = tmp_path / "coded" / "clip.nsvq"
    result = nsvq("encode", clip, "-o", target, "--checkpoint", toy_checkpoint)
    assert result.exit_code == 0, result.stderr
    return target


@pytest.fixture
def folder(tmp_path: Path, clips: list[Path]) -> Path:
    """Four recordings, of which the third is none."""
    source = tmp_path / "in"
    source.mkdir()
    for number, clip in enumerate(clips[:4]):
        (source / f"{number}.flac").write_bytes(clip.read_bytes() if number != 2 else b"text")
    return source


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
