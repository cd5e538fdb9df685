"""Starting up: instant help, verbs from a table, missing parts told plainly."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import click
import pytest

from app import cli as command_line
from app.cli import VERBS, Verb
from tests.app.conftest import Nsvq

REPORT_TORCH = """
import sys
from app.cli import cli
try:
    cli.main(sys.argv[1:])
finally:
    heavy = {"torch", "matplotlib", "scipy", "gradio", "torchaudio"} & set(sys.modules)
    print("heavy:", sorted(heavy), file=sys.stderr)
"""


def run_watched(*args: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", REPORT_TORCH, *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("args", [["--help"], ["--version"], ["encode", "--help"], ["models"]])
def test_starting_up_loads_nothing_heavy(args: list[str]) -> None:
    assert "heavy: []" in run_watched(*args).stderr


def test_info_and_trim_never_load_the_network(
    coded: Path, toy_checkpoint: Path, tmp_path: Path
) -> None:
    assert "heavy: []" in run_watched("info", coded, toy_checkpoint).stderr
    result = run_watched("trim", coded, "--stages", 1, "-o", tmp_path / "small.nsvq")
    assert result.returncode == 0
    assert "heavy: []" in result.stderr


def test_module_runs_as_a_command() -> None:
    command = [sys.executable, "-m", "app", "--help"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0
    assert all(f"  {verb} " in result.stdout for verb in VERBS)


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_says_what_it_does(name: str, nsvq: Nsvq) -> None:
    try:
        command = import_module(VERBS[name].module).command
    except ModuleNotFoundError:
        result = nsvq(name)
        assert result.exit_code == 1
        assert len(result.stderr.splitlines()) == 1
        return
    assert isinstance(command, click.Command)
    assert len(command.get_short_help_str()) > 10
    assert nsvq(name, "--help").exit_code == 0


def test_missing_extra_is_named(nsvq: Nsvq, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(module: str) -> None:
        raise ModuleNotFoundError("No module named 'gradio'", name="gradio")

    monkeypatch.setattr(command_line, "import_module", absent)
    result = nsvq("demo")
    assert result.exit_code == 1
    assert result.stderr == (
        "nsvq: demo needs gradio, which is missing: pip install 'nsvq-codec[demo]'\n"
    )


def test_verb_of_a_later_version(nsvq: Nsvq, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(VERBS, "stream", Verb("app.verbs.stream", "Not yet."))
    result = nsvq("stream")
    assert (result.exit_code, result.stderr) == (1, "nsvq: stream is not part of this version\n")


@pytest.mark.parametrize(
    "args", [["unknown"], ["encode"], ["encode", "a.wav", "--nonsense"], ["trim", "a.nsvq"]]
)
def test_wrong_usage_exits_2_with_one_line(args: list[str], nsvq: Nsvq) -> None:
    result = nsvq(*args)
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1


def test_no_arguments_shows_help(nsvq: Nsvq) -> None:
    result = nsvq()
    assert result.exit_code == 2
    assert "reconstruct" in result.stderr


def test_a_bug_is_one_line_too(nsvq: Nsvq, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(module: str) -> None:
        raise ZeroDivisionError("boom")

    monkeypatch.setattr(command_line, "import_module", broken)
    result = nsvq("info", "x")
    assert result.exit_code == 1
    assert result.stderr.startswith("nsvq: unexpected ZeroDivisionError: boom")
    assert len(result.stderr.splitlines()) == 1
