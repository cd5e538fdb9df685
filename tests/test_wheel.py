"""What a built wheel holds: every module imports from it, and every data file is there."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.app.demo.process import running

ROOT = Path(__file__).parent.parent
PACKAGES = ("codec", "training", "app")
DATA = (
    "codec/py.typed",
    "app/examples/*",
    "checkpoints/*.safetensors",
    "checkpoints/*.md",
    "training/recipe/*",
)

IMPORT_ALL = """
import importlib, json, sys
from pathlib import Path

installed = Path(sys.argv[1])
for path in sorted(p for name in sys.argv[2:] for p in (installed / name).rglob("*.py")):
    parts = path.relative_to(installed).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    if name == "app.__main__":
        continue
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name.partition(".")[0] in sys.argv[2:]:
            raise
        continue
    assert Path(module.__file__).is_relative_to(installed), module.__file__
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds what `pip install` of a wheel of this tree puts there."""
    place = tmp_path_factory.mktemp("wheel")
    source = place / "source"
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if tracked.returncode != 0:
        pytest.skip("not a git checkout: can't tell which files belong to the project")
    for name in filter(None, tracked.stdout.split("\0")):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes((ROOT / name).read_bytes())
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    flags = ["--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "wheel", *flags, "-w", place, source], check=True)
    (wheel,) = place.glob("*.whl")
    subprocess.run([*pip, "install", *flags, "-t", place / "site", wheel], check=True)
    return place / "site"


def test_every_data_file_is_there(installed: Path) -> None:
    for pattern in DATA:
        here = sorted(path.relative_to(ROOT) for path in ROOT.glob(pattern) if path.is_file())
        there = sorted(path.relative_to(installed) for path in installed.glob(pattern))
        assert [path for path in here if path not in there] == []
    assert list(installed.glob("app/examples/*.flac"))


def test_nothing_else_is_there(installed: Path) -> None:
    names = {path.name for path in installed.iterdir() if not path.name.endswith(".dist-info")}
    assert names - {"bin", "checkpoints"} == set(PACKAGES)


def test_every_module_imports(installed: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", IMPORT_ALL, installed, *PACKAGES]
    environment = {"PYTHONPATH": str(installed), "PATH": "/usr/bin:/bin"}
    result = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


def test_the_command_runs(installed: Path, clip: Path, toy_checkpoint: Path) -> None:
    command = [sys.executable, installed / "bin" / "nsvq", "encode", "-"]
    result = subprocess.run(
        [*command, "--checkpoint", toy_checkpoint],
        input=clip.read_bytes(),
        env={"PYTHONPATH": str(installed), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(b"NSVQ")


def test_the_demo_comes_up_with_weights_and_examples(installed: Path, tmp_path: Path) -> None:
    pytest.importorskip("gradio", reason="Gradio is not installed: pip install nsvq-codec[demo]")
    httpx = pytest.importorskip("httpx")
    nsvq = (sys.executable, installed / "bin" / "nsvq")
    with running(temporary=tmp_path, nsvq=nsvq, PYTHONPATH=str(installed)) as (url, _):
        assert "nsvq listening room" in httpx.get(url, timeout=60).text
        for example in (installed / "app" / "examples").glob("*.flac"):
            answer = httpx.get(f"{url}gradio_api/file={example}", timeout=60)
            assert answer.content == example.read_bytes()
