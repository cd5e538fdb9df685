"""A process as shells run it: closed streams, odd names, hang-ups, little memory."""

import os
import resource
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile

from app.verbs import info
from tests.app.conftest import Nsvq

NSVQ = f"{shlex.quote(sys.executable)} -m app"


def shell(line: str, **options: object) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which $NSVQ is the command."""
    return subprocess.run(
        ["bash", "-c", line],
        env={**os.environ, "NSVQ": NSVQ},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        errors="surrogateescape",
        **options,  # type: ignore[call-overload]
    )


@pytest.mark.parametrize(
    ("line", "exit_code", "says"),
    [
        ("$NSVQ info {coded} >/dev/full", 1, "standard output: can't be written (No space left"),
        ("$NSVQ models >/dev/full", 1, "standard output: can't be written (No space left"),
        ("$NSVQ info - <&-", 1, "standard input: is closed"),
        ("$NSVQ trim - --stages 1 -o {folder}/t.nsvq <&-", 1, "standard input: is closed"),
        ("$NSVQ trim {coded} --stages 1 -o - >&-", 1, "standard output: is closed"),
        ("$NSVQ trim {coded} --stages 1 -o {folder}/t.nsvq >&-", 0, ""),
        ("$NSVQ info {coded} >&-", 0, ""),
        ("$NSVQ info {folder}/missing 2>&-", 1, ""),
        ("$NSVQ trim <(cat {coded}) --stages 1 -o {folder}/t.nsvq", 0, ""),
        ("cat {coded} | $NSVQ info /dev/stdin", 0, ""),
        ("$NSVQ trim <(cat {coded}) --stages 1", 2, "give an --output"),
        ("$NSVQ encode <(cat {coded})", 2, "is a pipe or a device: give --output"),
        ("$NSVQ encdoe {coded}", 2, "did you mean 'encode'?"),
        ("$NSVQ trim {coded} --bitrat 1", 2, "--bitrate"),
        ("$NSVQ -V", 0, ""),
        ("$NSVQ trim {coded} --bitrate 1e308 -o {folder}/t.nsvq", 0, "using 1.2 kbps"),
    ],
)
def test_one_line_at_most(
    line: str, exit_code: int, says: str, coded: Path, tmp_path: Path
) -> None:
    result = shell(line.format(coded=shlex.quote(str(coded)), folder=tmp_path))
    assert result.returncode == exit_code, result.stderr
    assert len(result.stderr.splitlines()) <= 1
    assert says in result.stderr
    assert "a bug" not in result.stderr


def test_recordings_from_pipes_by_path(clip: Path, toy_checkpoint: Path, tmp_path: Path) -> None:
    options = f"--checkpoint {toy_checkpoint} -q"
    line = (
        f"$NSVQ encode <(cat {clip}) -o {tmp_path}/a.nsvq {options} && "
        f"cat {clip} | $NSVQ encode /dev/stdin -o {tmp_path}/b.nsvq {options} && "
        f"$NSVQ decode <(cat {tmp_path}/a.nsvq) -o {tmp_path}/a.wav {options}"
    )
    result = shell(line)
    assert (result.returncode, result.stderr) == (0, "")
    assert (tmp_path / "a.nsvq").read_bytes() == (tmp_path / "b.nsvq").read_bytes()
    assert soundfile.info(tmp_path / "a.wav").frames == soundfile.info(clip).frames


def test_names_in_no_encoding(coded: Path, tmp_path: Path) -> None:
    odd = os.fsencode(tmp_path) + b"/\xff\xfe.nsvq"
    Path(os.fsdecode(odd)).write_bytes(coded.read_bytes())
    for line in ("$NSVQ info", "$NSVQ trim --stages 1 -f -o t.nsvq", "$NSVQ info missing"):
        environment = "PYTHONIOENCODING=utf-8:strict PYTHONUTF8=1"
        result = shell(f"{environment} {line} *.nsvq", cwd=tmp_path)
        assert "a bug" not in result.stderr
        assert "\\udcff" in result.stdout
    assert len(list(tmp_path.glob("*.nsvq"))) == 2


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_a_volley_of_signals_leaves_nothing(
    number: int, clip: Path, toy_checkpoint: Path, tmp_path: Path
) -> None:
    wave, rate = soundfile.read(clip)
    with soundfile.SoundFile(tmp_path / "long.wav", "w", rate, 1) as file:
        for _ in range(1500):
            file.write(wave)
    target = tmp_path / "out.nsvq"
    options = ["-o", target, "--checkpoint", toy_checkpoint]
    command = [sys.executable, "-m", "app", "encode", tmp_path / "long.wav", *options]
    with subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # noqa: PLW1509
    ) as process:
        deadline = time.monotonic() + 60
        while len(list(tmp_path.iterdir())) < 2:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        for _ in range(4):
            process.send_signal(number)
            time.sleep(0.02)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert stderr.strip() == "nsvq: interrupted"
    assert [path.name for path in tmp_path.iterdir()] == ["long.wav"]


def limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (60 << 20, 60 << 20))


def limit_file_size() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_096, 4_096))


@pytest.mark.parametrize(
    ("limit", "says"), [(limit_memory, "out of memory"), (limit_file_size, "can't be written")]
)
@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_limits_of_the_machine(
    limit: Callable[[], None],
    says: str,
    suffix: str,
    coded: Path,
    toy_checkpoint: Path,
    tmp_path: Path,
) -> None:
    target = tmp_path / f"x.{suffix}"
    line = f"$NSVQ decode {coded} -o {target} --checkpoint {toy_checkpoint}"
    result = shell(line, preexec_fn=limit)
    assert result.returncode == 1
    (told,) = result.stderr.splitlines()
    assert says in told
    if limit is limit_file_size:
        assert str(target) in told
    assert not list(tmp_path.glob("*x.*"))


def test_info_hashes_each_checkpoint_once(
    nsvq: Nsvq, coded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    describe = info.describe_checkpoint
    monkeypatch.setattr(info, "describe_checkpoint", lambda p: calls.append(p) or describe(p))
    info._identity.cache_clear()
    assert nsvq("info", *[coded] * 20).exit_code == 0
    assert len(calls) == len(info.shipped_checkpoints())
