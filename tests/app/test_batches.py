"""Folders of files: over processes, around what is bad or there already, and told as they go."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
import soundfile

from app import batch
from app.batch import Manner, run_jobs
from app.files import Job, Plan
from app.progress import Meter
from app.work import Facts, Place, Progress, attempt
from app.workers import run_in_processes
from codec.errors import AudioError
from tests.app.conftest import Nsvq, names

NSVQ = [sys.executable, "-m", "app"]


def test_the_number_of_processes_changes_nothing(
    nsvq: Nsvq, folder: Path, toy_checkpoint: Path, tmp_path: Path
) -> None:
    results = {}
    for jobs in (1, 3):
        options = ("--checkpoint", toy_checkpoint, "--jobs", jobs, "--json")
        result = nsvq("encode", folder, "-o", tmp_path / f"coded{jobs}", *options)
        assert result.exit_code == 1
        told = json.loads(result.stdout)
        results[jobs] = [Path(facts["input"]).name for facts in told["files"]]
        assert [failure["input"] for failure in told["failures"]] == [str(folder / "2.flac")]
        back = nsvq("decode", tmp_path / "coded1", "-o", tmp_path / f"out{jobs}", *options)
        assert back.exit_code == 0, back.stderr
    assert results[1] == results[3] == ["0.flac", "1.flac", "3.flac"]
    for kind in ("coded", "out"):
        one, three = (tmp_path / f"{kind}{jobs}" for jobs in (1, 3))
        assert names(one) == names(three)
        assert all((one / name).read_bytes() == (three / name).read_bytes() for name in names(one))


def test_a_bad_checkpoint_is_told_once_however_many_processes(
    nsvq: Nsvq, folder: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"\xff" * 100)
    for jobs in (1, 2):
        out = ("-o", tmp_path / "out", "--checkpoint", broken, "--jobs", jobs)
        result = nsvq("encode", folder, *out)
        assert result.exit_code == 1
        (line,) = result.stderr.splitlines()
        assert str(broken) in line
    assert not (tmp_path / "out").exists()


@pytest.fixture
def deadly(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The class `Deadly`, from a module that other processes find too."""
    monkeypatch.syspath_prepend(Path(__file__).parent)
    return import_module("deadly").Deadly


def jobs_named(folder: Path, *sources: str) -> list[Job]:
    return [Job(folder / name, folder / f"{name}-{n}.out") for n, name in enumerate(sources)]


def test_a_worker_that_dies_fails_its_own_job_only(deadly: Any, tmp_path: Path) -> None:
    jobs = jobs_named(tmp_path, "a", "die", "b", "bug", "die", "c", "d")
    meter = Meter(len(jobs))
    outcomes = run_in_processes(jobs, deadly(), False, meter, num_processes=2)
    told = ["" if failure is None else failure["error"] for _, failure in outcomes]
    assert [bool(line) for line in told] == [False, True, False, True, True, False, False]
    assert f"{tmp_path / 'die'}: the process that worked on it ended (exit code -9)" in told[1]
    assert told[3] == f"{tmp_path / 'bug'}: out of memory"
    assert (meter.num_finished, meter.num_failed, meter.audio_s) == (7, 3, 8.0)


@pytest.mark.parametrize("error", [MemoryError, ZeroDivisionError, RecursionError])
def test_an_unexpected_error_does_not_stop_the_others(
    error: type[Exception], deadly: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs = jobs_named(tmp_path, "a", "bug", "b")
    with pytest.raises(Exception, match="1"):
        run_jobs(Plan(jobs, {}), deadly(error), Manner(), tell=str)
    captured = capsys.readouterr()
    assert captured.out.startswith("2 of 3 files written; ")
    assert captured.err.startswith(f"nsvq: {tmp_path / 'bug'}: ")
    assert captured.err.endswith("nsvq: 1 of 3 files failed\n")


def test_a_link_to_itself_at_an_output_does_not_stop_the_others(
    nsvq: Nsvq, folder: Path, toy_checkpoint: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "0.nsvq").symlink_to(out / "0.nsvq")
    options = ("--checkpoint", toy_checkpoint, "--jobs", 1)
    result = nsvq("encode", folder, "-o", out, *options)
    assert result.exit_code == 1
    assert result.stdout.startswith("2 of 4 files written; ")
    assert f"{out / '0.nsvq'}: can't be written" in result.stderr


def test_a_job_that_fails_leaves_the_folder_to_those_still_at_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, failed = threading.Event(), threading.Event()

    class Slow:
        def load(self) -> None:
            """Nothing."""

        def __call__(self, source: Place, target: Place, progress: Progress) -> Facts:
            assert isinstance(source, Path)
            assert isinstance(target, Path)
            if source.name == "bad":
                begun.wait(10)
                raise AudioError("bad: damaged")
            begun.set()
            failed.wait(10)
            target.write_bytes(b"whole")
            return {"seconds": 1.0}

    def one(job: Job) -> Any:
        time.sleep(0.0 if job.source.name == "bad" else 0.2)  # the bad one makes the folder
        outcome = attempt(job, Slow(), False, lambda done, whole: None)
        if job.source.name == "bad":
            failed.set()
        return outcome

    def at_once(jobs: Sequence[Job], *_: object) -> list[Any]:
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(one, jobs))

    monkeypatch.setattr(batch, "_run", at_once)
    out = tmp_path / "deep" / "out"
    jobs = [Job(Path(name), out / name) for name in ("bad", "good")]
    with pytest.raises(click.exceptions.Exit):
        run_jobs(Plan(jobs, {}), Slow(), Manner(), tell=str)
    assert names(out) == ["good"]
    with pytest.raises(click.exceptions.Exit):
        run_jobs(Plan([Job(Path("bad"), tmp_path / "none" / "x")], {}), Slow(), Manner(), tell=str)
    assert names(tmp_path) == ["deep"]


def test_errors_of_an_output_name_the_output(tmp_path: Path) -> None:
    class Full:
        def load(self) -> None:
            """Nothing."""

        def __call__(self, source: Place, target: Place, progress: Progress) -> Facts:
            from codec.errors import OutputError

            raise OutputError("can't write (No space left on device)")

    job = Job(tmp_path / "source.wav", tmp_path / "target.wav")
    _, failure = attempt(job, Full(), False, lambda done, whole: None)
    assert failure is not None
    assert failure["error"] == f"{job.target}: can't write (No space left on device)"


def test_runs_go_on_around_what_is_there(
    nsvq: Nsvq, folder: Path, toy_checkpoint: Path, tmp_path: Path
) -> None:
    (folder / "2.flac").unlink()
    out = tmp_path / "out"
    options = ("-o", out, "--checkpoint", toy_checkpoint, "--jobs", 1)
    assert nsvq("encode", folder, *options).exit_code == 0
    (out / "1.nsvq").unlink()
    before = (out / "0.nsvq").stat().st_mtime_ns
    assert nsvq("encode", folder, *options).exit_code == 1
    assert (out / "1.nsvq").exists()
    (out / "1.nsvq").unlink()
    result = nsvq("encode", folder, *options, "--skip-existing")
    assert result.exit_code == 0
    assert result.stdout.startswith("1 of 3 files written, 2 there already; ")
    assert (out / "0.nsvq").stat().st_mtime_ns == before
    result = nsvq("encode", folder, *options, "--skip-existing")
    assert (result.exit_code, result.stdout) == (0, "0 of 3 files written, 3 there already\n")
    assert nsvq("encode", folder, *options, "--skip-existing", "-f").exit_code == 2
    assert nsvq("encode", folder, *options, "-f").exit_code == 0


def test_quiet_tells_failures_only(
    nsvq: Nsvq, folder: Path, clip: Path, toy_checkpoint: Path, tmp_path: Path
) -> None:
    options = ("-q", "--bitrate", "1.0", "--checkpoint", toy_checkpoint, "--jobs", 1)
    result = nsvq("encode", clip, "-o", tmp_path / "x.nsvq", *options)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    result = nsvq("encode", folder, "-o", tmp_path / "out", *options)
    assert (result.exit_code, result.stdout) == (1, "")
    assert len(result.stderr.splitlines()) == 2


@pytest.mark.parametrize("verb", ["encode", "decode"])
def test_a_folder_needs_a_place_for_its_outputs(
    verb: str, nsvq: Nsvq, folder: Path, toy_checkpoint: Path
) -> None:
    before = names(folder)
    result = nsvq(verb, folder, "--checkpoint", toy_checkpoint)
    assert result.exit_code == 2
    assert "--in-place" in result.stderr
    assert names(folder) == before


def test_in_place(nsvq: Nsvq, folder: Path, toy_checkpoint: Path) -> None:
    (folder / "2.flac").unlink()
    options = ("--in-place", "--checkpoint", toy_checkpoint, "--jobs", 1)
    assert nsvq("encode", folder, *options).exit_code == 0
    assert "0.nsvq" in names(folder)
    assert nsvq("decode", folder, *options).exit_code == 0
    assert "0.wav" in names(folder)


def test_mono_folds_channels(nsvq: Nsvq, toy_checkpoint: Path, tmp_path: Path) -> None:
    wave = 0.1 * np.random.default_rng(0).standard_normal((8_000, 2))
    soundfile.write(tmp_path / "two.wav", wave, 16_000, "FLOAT")
    soundfile.write(tmp_path / "mean.wav", wave.astype(np.float32).mean(1), 16_000, "FLOAT")
    options = ("--checkpoint", toy_checkpoint)
    stereo = nsvq("encode", tmp_path / "two.wav", "-o", tmp_path / "two.nsvq", *options)
    assert "2 channels, each coded at the full bitrate" in stereo.stdout
    nsvq("encode", tmp_path / "two.wav", "-o", tmp_path / "one.nsvq", "--mono", *options)
    nsvq("encode", tmp_path / "mean.wav", *options)
    assert (tmp_path / "one.nsvq").read_bytes() == (tmp_path / "mean.nsvq").read_bytes()


def test_a_batch_tells_what_channels_cost(
    nsvq: Nsvq, clip: Path, toy_checkpoint: Path, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    for number in range(2):
        soundfile.write(tmp_path / "in" / f"{number}.wav", np.zeros((8_000, 2)), 16_000)
    (tmp_path / "in" / "mono.flac").write_bytes(clip.read_bytes())
    options = ("--checkpoint", toy_checkpoint, "-o", tmp_path / "out", "-f")
    told = nsvq("encode", tmp_path / "in", *options).stdout
    assert told.endswith("; 2 have several channels, each at the full bitrate\n")
    assert "channels" not in nsvq("encode", tmp_path / "in", "--mono", *options).stdout


@pytest.mark.parametrize("name", ["x.mp3", "x.WAV", "x.m4a"])
def test_an_output_named_like_another_kind_is_wrong_usage(
    name: str, nsvq: Nsvq, clip: Path, coded: Path, tmp_path: Path
) -> None:
    result = nsvq("encode", clip, "-o", tmp_path / name, "--checkpoint", "not looked for")
    assert result.exit_code == 2
    assert "named like a recording" in result.stderr
    if name != "x.WAV":
        result = nsvq("decode", coded, "-o", tmp_path / name, "--checkpoint", "not looked for")
        assert result.exit_code == 2
        assert "expected .wav or .flac" in result.stderr
    assert not (tmp_path / name).exists()


def test_the_meter_tells_file_place_speed_and_failures() -> None:
    meter = Meter(3)
    meter.started(Path("in/a.wav"))
    assert meter.text() == "a.wav 1/3"
    meter.advanced(0, 1.0, 2.0)
    assert meter.audio_s == 1.0
    meter.finished(0, failed=True)
    meter.started(Path("in/b.wav"))
    meter.advanced(1, 5.0, 5.0)
    meter.finished(1, failed=False)
    assert meter.text().startswith("b.wav 3/3 · ")
    assert meter.text().endswith(" × real time · 1 failed")


def alive(group: int) -> bool:
    """Whether a group has processes that are more than a dead one's entry."""
    stats = (path.read_text() for path in Path("/proc").glob("[0-9]*/stat"))
    fields = [stat.rpartition(")")[2].split() for stat in stats]
    return any(int(found[2]) == group and found[0] != "Z" for found in fields)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc here")
def test_a_signal_ends_the_workers_too(folder: Path, toy_checkpoint: Path, tmp_path: Path) -> None:
    wave, rate = soundfile.read(folder / "0.flac")
    for number in range(3):
        with soundfile.SoundFile(folder / f"{number}.wav", "w", rate, 1) as file:
            for _ in range(300):
                file.write(wave)
    for path in folder.glob("*.flac"):
        path.unlink()
    out = tmp_path / "out"
    command = [*NSVQ, "encode", folder, "-o", out, "--checkpoint", toy_checkpoint, "--jobs", "2"]
    with subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    ) as process:
        deadline = time.monotonic() + 90
        while not out.exists() or len(list(out.iterdir())) < 2:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        for _ in range(4):
            os.killpg(process.pid, signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stderr.strip() == "nsvq: interrupted"
    assert not out.exists() or not list(out.iterdir())
    for _ in range(100):  # the helper that multiprocessing starts goes a moment later
        if not alive(process.pid):
            break
        time.sleep(0.1)
    assert not alive(process.pid)
