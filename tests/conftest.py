"""What tests of all parts share: real clips, and a small model with random weights."""

import os
import shutil
from pathlib import Path

import pytest

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="session")
def clips() -> list[Path]:
    """The recordings in tests/data, sorted by name."""
    return sorted(DATA.glob("*.flac"))


@pytest.fixture(scope="session")
def clip() -> Path:
    """One recording of two seconds."""
    return DATA / "vctk-p225.flac"


@pytest.fixture(scope="session")
def ffmpeg_folder(tmp_path_factory: pytest.TempPathFactory) -> Path | None:
    """A folder with the program ffmpeg of the package imageio-ffmpeg, if that has one for here."""
    try:
        from imageio_ffmpeg import get_ffmpeg_exe

        program = get_ffmpeg_exe()
    except (ImportError, RuntimeError):
        return None
    folder = tmp_path_factory.mktemp("ffmpeg")
    (folder / "ffmpeg").symlink_to(Path(program).absolute())
    return folder


@pytest.fixture
def with_ffmpeg(ffmpeg_folder: Path | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """ffmpeg on the path: the machine's own, or else the package's."""
    if shutil.which("ffmpeg") is None:
        if ffmpeg_folder is None:
            pytest.skip("ffmpeg is not installed")
        monkeypatch.setenv("PATH", str(ffmpeg_folder), prepend=os.pathsep)


def stub_ffmpeg(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell script in a new `folder`, first on the path under the name ffmpeg."""
    folder.mkdir()
    program = folder / "ffmpeg"
    program.write_text(f"#!{shutil.which('sh')}\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


def forbid(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away the permission to look into `folder`, for whoever runs the tests."""
    scan = os.scandir

    def refusing(path: object = ".") -> object:
        if Path(str(path)) == folder:
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "scandir", refusing)


def make_checkpoint(path: Path, seed: int) -> Path:
    """Save a small model with random weights to `path`."""
    import torch

    from codec.backends.torch_checkpoint import save_checkpoint
    from codec.backends.torch_model import CodecModel
    from codec.config import ModelConfig

    config = ModelConfig(
        trunk_width=32,
        latent_width=16,
        num_stages=4,
        codebook_size=64,
        encoder_lookahead=(1,),
        decoder_lookahead=(1,),
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        save_checkpoint(path, CodecModel(config), {"trained on": "nothing, random weights"})
    return path


@pytest.fixture(scope="session")
def toy_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with random weights: 4 stages of 0.3 kbps."""
    return make_checkpoint(tmp_path_factory.mktemp("checkpoints") / "toy.safetensors", seed=0)


@pytest.fixture(scope="session")
def other_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Like `toy_checkpoint`, with other weights."""
    return make_checkpoint(tmp_path_factory.mktemp("checkpoints") / "other.safetensors", seed=1)
