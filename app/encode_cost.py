"""The cost of `nsvq encode` as a person meets it: whole processes, their start included."""

import sys
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from codec.audio import write_audio
from codec.temporary import TemporaryFolder
from training.evaluation.clips import SAMPLE_RATE
from training.evaluation.cost.speed import measure, speech_like
from training.evaluation.systems.programs import run_program

CLIP_S = 5.0
"""Length of the one clip."""
FOLDER_CLIP_S = 6.5
"""Mean length of a folder's clips."""
_LIMIT_S = 1800.0


@dataclass(frozen=True)
class Size:
    """How much to measure."""

    kbps: float
    seconds: float
    """Length of the audio that one process codes and decodes."""
    repeats: int
    clips: int
    """Recordings in the folder."""
    num_jobs: int


@dataclass(frozen=True)
class BackendCost:
    """One backend on one machine."""

    backend: str
    encode_rtf: float
    """Processor seconds of one thread for a second of audio."""
    decode_rtf: float
    process_s: float
    """Wall of a whole `nsvq encode` of one clip, median over repeats."""
    process_mb: float
    """Highest resident memory of that."""
    clips: int
    """Recordings in the folder."""
    num_jobs: int
    audio_per_s: float
    """Seconds of audio that `nsvq encode DIR` codes in a second."""

    @property
    def times_real_time(self) -> float:
        """Seconds of audio that one thread encodes and decodes in a second."""
        return 1.0 / (self.encode_rtf + self.decode_rtf)


def missing(backend: str) -> str | None:
    """Why a backend can't be measured here, if it can't."""
    if backend == "torch" and find_spec("torch") is None:
        return "torch skipped: pip install 'nsvq-codec[torch]'"
    return None


def measure_backend(backend: str, checkpoint: Path, size: Size) -> BackendCost:
    """What a backend costs in one process, from a person's command line, and over a folder.

    Raises:
        EvaluationError: it could not be measured.
    """
    cost = measure(backend, str(checkpoint), size.kbps, size.seconds, size.repeats)
    options = ["--checkpoint", str(checkpoint), "--backend", backend]
    options += ["--bitrate", str(size.kbps)]
    with TemporaryFolder("bench") as folder:
        clip, many = folder / "clip.wav", folder / "many"
        _write(clip, CLIP_S, 0)
        runs = [run_encode(clip, folder / f"{n}.nsvq", options) for n in range(size.repeats)]
        many.mkdir()
        audio_s = sum(_write(many / f"{n}.wav", *_folder_clip(n)) for n in range(size.clips))
        wall_s, _ = run_encode(many, folder / "coded", [*options, "--jobs", str(size.num_jobs)])
    return BackendCost(
        backend,
        cost.encode_rtf,
        cost.decode_rtf,
        float(np.median([run[0] for run in runs])),
        max(run[1] for run in runs),
        size.clips,
        size.num_jobs,
        audio_s / wall_s,
    )


def run_encode(source: Path, target: Path, options: list[str]) -> tuple[float, float]:
    """Wall seconds and peak memory in MB of `nsvq encode`.

    Raises:
        EvaluationError: it failed.
    """
    command = [sys.executable, "-m", "app", "encode", str(source), "-o", str(target), "--quiet"]
    start = time.perf_counter()
    _, peak_mb = run_program([*command, *options], target, _LIMIT_S)
    return time.perf_counter() - start, peak_mb


def _folder_clip(number: int) -> tuple[float, int]:
    """Length and seed of one of a folder's clips: 5 to 8 seconds, in turn."""
    return FOLDER_CLIP_S + (0.0, -1.5, 1.5, -0.75, 0.75)[number % 5], number


def _write(path: Path, seconds: float, seed: int) -> float:
    """Write a clip; its seconds."""
    wave = speech_like(seconds, seed)[None] / np.float32(32768)
    write_audio(path, wave, SAMPLE_RATE)
    return wave.shape[1] / SAMPLE_RATE
