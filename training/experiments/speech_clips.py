"""Recordings for the speech experiment."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from codec.audio import read_audio, resample
from codec.errors import EvaluationError

SAMPLE_RATE = 16_000
SUFFIXES = {".flac", ".wav", ".ogg"}
ROOT = Path(__file__).parents[2]
BUNDLED = (ROOT / "app" / "examples", ROOT / "tests" / "data")


@dataclass(frozen=True)
class Clips:
    """Waves to train on and others to test on, each [T]."""

    train: list[Tensor]
    test: list[Tensor]
    names: list[str]
    """Of the test clips."""

    def draw(self, batch: int, samples: int) -> Tensor:
        """Random excerpts, random gain from -9 to +3 dB. Shape: -> wave [B, 1, T]."""
        pieces = []
        for pick in torch.randint(len(self.train), (batch,)).tolist():
            wave = self.train[pick]
            start = int(torch.randint(max(1, len(wave) - samples + 1), ()))
            piece = wave[start : start + samples]
            gain = 10 ** (float(torch.rand(()) * 12 - 9) / 20)
            pieces.append(gain * torch.nn.functional.pad(piece, (0, samples - len(piece))))
        return torch.stack(pieces).unsqueeze(1)


def load_clips(data: Path | None, num_train: int, num_test: int, test_s: float) -> Clips:
    """Clips of a folder: those in its `train` and `dev` if it has both, else every third held out.

    Args:
        data: a folder, searched deeply; None takes the clips that come with the project.
        test_s: seconds at most of a test clip.

    Raises:
        EvaluationError: fewer than two recordings.
    """
    if data and (data / "train").is_dir() and (data / "dev").is_dir():
        train, test = _paths(data / "train"), _paths(data / "dev")
    else:
        paths = [path for folder in ([data] if data else BUNDLED) for path in _paths(folder)]
        test = paths[::3]
        train = [path for path in paths if path not in test]
    if not train or not test:
        raise EvaluationError(
            f"too few recordings in {data or BUNDLED[0]}; give a folder by --data"
        )
    train, test = _spread(train, num_train), _spread(test, num_test)
    most = int(test_s * SAMPLE_RATE)
    return Clips(
        [_read(path) for path in train],
        [_read(path)[:most] for path in test],
        [path.stem for path in test],
    )


def _paths(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)


def _spread(paths: list[Path], number: int) -> list[Path]:
    """At most `number`, evenly apart."""
    places = np.linspace(0, len(paths) - 1, min(number, len(paths))).round().astype(int)
    return [paths[place] for place in places]


def _read(path: Path) -> Tensor:
    wave, rate = read_audio(path)
    return torch.from_numpy(resample(wave[:1], rate, SAMPLE_RATE)[0]).float()
