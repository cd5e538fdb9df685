"""A tiny corpus of synthetic voices and a tiny recipe, so that whole runs take a second."""

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from training.corpora import Corpus, load_corpus
from training.recipe import Recipe, parse_recipe

RATE = 16_000


def voice(seconds: float, pitch: float, seed: int) -> np.ndarray:
    """A buzz with a moving formant and a little noise. Shape: -> [T]."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(pitch * (1 + 0.1 * np.sin(5 * time))) / RATE
    formant = 6 + 4 * np.sin(2 * np.pi * 1.5 * time)
    tones = sum(np.sin(n * phase) * np.exp(-((n - formant) ** 2) / 8) for n in range(1, 20))
    return (0.1 * tones + 0.002 * rng.standard_normal(len(time))).astype(np.float32)


@pytest.fixture(scope="session")
def corpus_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two corpora of two speakers each."""
    folder = tmp_path_factory.mktemp("corpus")
    for number, (corpus, speaker) in enumerate(
        [("reads", "ann"), ("reads", "bob"), ("talks", "cat"), ("talks", "dan")]
    ):
        path = folder / corpus / speaker / "clip.flac"
        path.parent.mkdir(parents=True)
        sf.write(path, voice(2.5, 90.0 + 40 * number, number), RATE)
    return folder


@pytest.fixture(scope="session")
def corpus(corpus_folder: Path) -> Corpus:
    return load_corpus(corpus_folder, RATE)


@pytest.fixture
def recipe() -> Recipe:
    """Twelve steps: six with noise, three on hard codes, three without quantization."""
    return parse_recipe(
        {
            "model": {
                "trunk_width": 16,
                "latent_width": 8,
                "num_stages": 4,
                "codebook_size": 16,
                "encoder_lookahead": [1],
                "decoder_lookahead": [1],
            },
            "data": {"batch_size": 2, "crop_s": 0.32, "stage_shares": {"4": 2.0, "1": 1.0}},
            "phases": [
                {"name": "noise", "steps": 6, "warmup_steps": 2, "losses": {"mel": 1.0}},
                {"name": "hard", "steps": 3, "train": ["decoder"], "substitute": "hard"},
                {"name": "open", "steps": 3, "substitute": "none", "learning_rate": 1e-4},
            ],
        }
    )
