"""Pairing inputs with outputs."""

from pathlib import Path

import click
import pytest

from app.files import STANDARD, Job, expand, plan_jobs


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with in/a.wav, in/deep/b.FLAC, in/notes.txt, c.mp3 and an empty folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("in/a.wav", "in/deep/b.FLAC", "in/notes.txt", "c.mp3"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    Path("empty").mkdir()
    return tmp_path


def plan(*inputs: str, output: str | None = None) -> dict[str, str]:
    jobs = plan_jobs(inputs, output, reads=(".wav", ".flac", ".mp3"), writes=".nsvq").jobs
    return {str(job.source): str(job.target) for job in jobs}


CASES: list[tuple[tuple[str, ...], str | None, dict[str, str]]] = [
    (("c.mp3",), None, {"c.mp3": "c.nsvq"}),
    (("c.mp3",), "x", {"c.mp3": "x"}),
    (("c.mp3",), "x/", {"c.mp3": "x/c.nsvq"}),
    (("c.mp3",), "empty", {"c.mp3": "empty/c.nsvq"}),
    (("talk.2026",), None, {"talk.2026": "talk.2026.nsvq"}),
    (("c.mp3", "in"), "x", {"c.mp3": "x/c.nsvq", "in/a.wav": "x/a.nsvq",
                            "in/deep/b.FLAC": "x/deep/b.nsvq"}),
    (("in",), None, {"in/a.wav": "in/a.nsvq", "in/deep/b.FLAC": "in/deep/b.nsvq"}),
    (("c.mp3",), "-", {"c.mp3": "-"}),
    (("-",), None, {"-": "-"}),
    (("-",), "x.nsvq", {"-": "x.nsvq"}),
]  # fmt: skip


@pytest.mark.parametrize(("inputs", "output", "expected"), CASES)
@pytest.mark.usefixtures("folder")
def test_pairs(inputs: tuple[str, ...], output: str | None, expected: dict[str, str]) -> None:
    assert plan(*inputs, output=output) == expected


@pytest.mark.parametrize(
    ("inputs", "output"), [(("-", "c.mp3"), None), (("in",), "-"), (("c.mp3", "d.mp3"), "-")]
)
@pytest.mark.usefixtures("folder")
def test_standard_streams_stand_alone(inputs: tuple[str, ...], output: str | None) -> None:
    with pytest.raises(click.UsageError):
        plan(*inputs, output=output)


@pytest.mark.usefixtures("folder")
def test_a_folder_given_twice_is_told() -> None:
    with pytest.raises(click.ClickException, match="nothing was written"):
        plan("in", "in", output="x")


def test_a_link_to_an_input_is_not_an_output(folder: Path) -> None:
    (folder / "link.nsvq").symlink_to("c.mp3")
    with pytest.raises(click.ClickException, match="input as well as an output"):
        plan("c.mp3", output="link.nsvq")


def test_a_link_back_to_a_folder_above_is_not_followed(folder: Path) -> None:
    (folder / "in" / "again").symlink_to(folder / "in")
    assert expand(["in"], (".wav",)) == ([Path("in/a.wav")], {})


def test_a_stream_is_one_job() -> None:
    assert plan_jobs(["-"], None, reads=(), writes="").jobs == [Job(STANDARD, STANDARD)]
