"""A toy checkpoint, clips, a studio without a page, and a whole demo in a process of its own."""

import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from app.demo.examples import EXAMPLES
from app.demo.settings import DemoSettings
from app.demo.shelf import Shelf
from app.demo.studio import Clip, Studio
from codec import Codec
from codec.audio import write_audio
from codec.checkpoint import save_checkpoint
from codec.config import ModelConfig
from codec.model import CodecModel

ROOT = Path(__file__).parents[3]
START_S = 300.0


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights, small enough to load and run in a moment."""
    torch.manual_seed(7)
    config = ModelConfig(
        trunk_width=32,
        latent_width=16,
        num_stages=6,
        codebook_size=64,
        encoder_lookahead=(1,),
        decoder_lookahead=(1,),
    )
    path = tmp_path_factory.mktemp("checkpoint") / "toy.safetensors"
    save_checkpoint(path, CodecModel(config), {"licence": "CC0"})
    return path


@pytest.fixture
def studio(checkpoint: Path) -> Iterator[Studio]:
    shelf = Shelf(keep_s=3600)
    studio = Studio(Codec.load(checkpoint), shelf, DemoSettings(max_minutes=0.5))
    yield studio
    studio.close()
    shelf.close()


@pytest.fixture
def clip(studio: Studio) -> Clip:
    return studio.open_clip(EXAMPLES[0].path)


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of stereo noise bursts at 44.1 kHz."""
    random = np.random.default_rng(3)
    wave = 0.1 * random.standard_normal((2, 88_200)).astype(np.float32)
    wave *= np.sin(np.arange(88_200) / 4_000) ** 2
    path = tmp_path_factory.mktemp("clips") / "noise bursts.wav"
    write_audio(path, wave, 44_100)
    return path


@dataclass
class RunningDemo:
    """A demo in its own process."""

    url: str
    process: subprocess.Popen[str]
    folder: Path
    """Where its temporary files lie."""
    votes: Path
    checkpoint: Path


@pytest.fixture(scope="session")
def demo(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    """`nsvq demo` with the toy checkpoint, one minute of audio at most (so 20 MB a file)."""
    pytest.importorskip("gradio", reason="Gradio is not installed: pip install nsvq-codec[demo]")
    temporary = tmp_path_factory.mktemp("demo")
    votes = temporary / "votes" / "votes.csv"
    command = [
        sys.executable,
        "-m",
        "app",
        "demo",
        "--port",
        str(_free_port()),
        "--checkpoint",
        str(checkpoint),
        "--max-minutes",
        "1",
        "--votes",
        str(votes),
    ]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        env=os.environ | {"TMPDIR": str(temporary)},
    )
    try:
        url = _announced(process)
        folder = next(temporary.glob("nsvq-demo-*"))
        yield RunningDemo(url, process, folder, votes, checkpoint)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        assert process.stdout is not None
        process.stdout.close()
    assert not list(temporary.glob("nsvq-*")), "temporary files outlive the demo"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _announced(process: subprocess.Popen[str]) -> str:
    """The address that the demo prints when it is ready."""
    assert process.stdout is not None
    give_up = time.monotonic() + START_S
    while time.monotonic() < give_up and process.poll() is None:
        ready, _, _ = select.select([process.stdout], [], [], 1.0)
        if ready and (found := re.search(r"http://\S+", process.stdout.readline())):
            return found.group()
    pytest.fail(f"the demo did not start (exit code {process.poll()})")
