"""A toy checkpoint, clips, a studio without a page, and a whole demo in a process of its own."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from app.demo.examples import EXAMPLES
from app.demo.settings import DemoSettings
from app.demo.shelf import Shelf
from app.demo.studio import Clip, Studio
from codec import Codec
from codec.audio import write_audio
from codec.backends.torch_checkpoint import save_checkpoint
from codec.backends.torch_model import CodecModel
from codec.config import ModelConfig
from tests.app.demo.process import running
from tests.app.demo.visitor import BROWSER, FLAGS, Visit


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
    options = ("--checkpoint", checkpoint, "--max-minutes", 1, "--votes", votes)
    with running(*options, temporary=temporary) as (url, process):
        folder = next(temporary.glob("nsvq-demo-*"))
        yield RunningDemo(url, process, folder, votes, checkpoint)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium without a window; where it is missing, its tests say so and skip."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not BROWSER:
        pytest.skip("chromium is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=BROWSER, headless=True, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Any, demo: RunningDemo) -> Iterator[Visit]:
    """A visit that complains of nothing and asks nothing of other hosts."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    visit = Visit(context.new_page(), demo.url)
    yield visit
    context.close()
    assert visit.complaints == []
    assert visit.foreign == []
