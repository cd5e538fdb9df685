"""What coding costs: time, delay, memory and arithmetic, all on one thread and in one run.

Every codec gets a process of its own, so that one's memory is not counted as another's.
"""

import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from codec.backends.loading import BACKENDS
from codec.errors import EvaluationError
from codec.resampling import resample
from codec.temporary import TemporaryFolder
from training.evaluation.clips import SAMPLE_RATE
from training.evaluation.systems.peers import PEERS
from training.evaluation.systems.programs import resident_mb
from training.evaluation.systems.system import PeerSystem, load_codec

CHUNK_S = 0.02
"""Step in which the first sound is waited for: one frame of the decoder's input."""


@dataclass(frozen=True)
class Cost:
    """One codec at one bitrate on one length of audio."""

    name: str
    kbps: float
    seconds: float
    """Length of the audio."""
    encode_rtf: float
    """Seconds of one thread for a second of audio, median over repeats; below 1 is real time. Of a
    checkpoint, at a variable bitrate where it is not the highest."""
    decode_rtf: float
    start_s: float
    """Processor seconds from nothing to ready: imports and weights, or a program's start."""
    delay_ms: float = math.nan
    """What the algorithm waits for, however fast the machine."""
    first_sound_ms: float = math.nan
    """Delay, and the time to encode and decode as much audio, once ready."""
    peak_mb: float = math.nan
    """Highest resident memory, the interpreter and its libraries included."""
    model_mb: float = math.nan
    """Weights on disk."""
    macs: float = math.nan
    """Multiply-accumulates for a second of audio, encoder and decoder (those of FFTs left out)."""


def speech_like(seconds: float, seed: int = 0) -> np.ndarray:
    """Syllables of a gliding voice, so that no codec meets silence. Shape: -> [T] int16."""
    random = np.random.default_rng(seed)
    when = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    phase = 2 * np.pi * np.cumsum(120.0 + 30.0 * np.sin(4.4 * when)) / SAMPLE_RATE
    voice = sum(np.sin(k * phase) / k for k in range(1, 20)) * np.clip(np.sin(16.0 * when), 0, None)
    return np.asarray(4000.0 * voice + 60.0 * random.standard_normal(len(when)), np.int16)


def measure(kind: str, source: str, kbps: float, seconds: float, repeats: int = 3) -> Cost:
    """The cost of one codec, measured in a process of its own on one thread.

    Args:
        kind: `checkpoint`, a backend's name to measure one on that, `peer` or `neural` (which has
            one bitrate: `kbps` is not used).
        source: a checkpoint's path, a key of `PEERS` or of `neural.ARCHITECTURES`.

    Raises:
        EvaluationError: it could not be measured.
    """
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    words = [kind, source, str(kbps), str(seconds), str(repeats)]
    path = os.pathsep.join([str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")])
    run = subprocess.run(
        [sys.executable, "-m", "training.evaluation.cost.speed", *words],
        capture_output=True, text=True, check=False,
        env={**os.environ, **one_thread, "PYTHONPATH": path},
    )  # fmt: skip
    if run.returncode != 0:
        lines = run.stderr.strip().splitlines() or ["no message"]
        raise EvaluationError(f"{source} could not be measured: {lines[-1]}")
    return Cost(**json.loads(run.stdout.splitlines()[-1]))


def _cost_of_peer(name: str, kbps: float, seconds: float, repeats: int) -> Cost:
    """Programs: their start is measured on a short clip and taken off; the delay is a known one."""
    system, short = PeerSystem(name, PEERS[name], (kbps,)), 0.25

    def run(length: float) -> tuple[float, float, float]:
        with TemporaryFolder("bench") as folder:
            decoded = system.code(speech_like(length), kbps, folder)
        return decoded.encode_s, decoded.decode_s, decoded.peak_mb

    start = _median(lambda: run(short), repeats)
    whole = _median(lambda: run(short + seconds), repeats)
    encode_rtf, decode_rtf = (max(0.0, whole[i] - start[i]) / seconds for i in (0, 1))
    start_s, delay_ms = start[0] + start[1], system.peer.delay_ms
    first_sound_ms = delay_ms * (1.0 + encode_rtf + decode_rtf)
    return Cost(
        name, kbps, seconds, encode_rtf, decode_rtf, start_s, delay_ms, first_sound_ms, whole[2]
    )


def _cost_of_checkpoint(
    source: str, kbps: float, seconds: float, repeats: int, *, backend: str | None = None
) -> Cost:
    codec = load_codec(Path(source), backend=backend)
    start_s = time.process_time()
    stages = codec.stages_for(kbps)
    wave = speech_like(seconds) / np.float32(32768)

    def run(wave: np.ndarray, vbr: bool) -> tuple[float, float]:
        header = codec.header(SAMPLE_RATE, 1, stages, vbr=vbr)
        before = time.process_time()
        codes = np.concatenate(list(codec.encode_blocks([wave[None]], header)), axis=-1)
        between = time.process_time()
        codec.decode(codes)
        return between - before, time.process_time() - between

    encode_s, decode_s = _median(lambda: run(wave, True), repeats)
    delay_s = codec.config.delay_ms / 1000.0
    start = wave[: int((delay_s + CHUNK_S) * SAMPLE_RATE)]
    first = sum(_median(lambda: run(start, False), repeats))
    return Cost(
        Path(source).stem, codec.config.bitrate_kbps(stages), seconds, encode_s / seconds,
        decode_s / seconds, start_s, 1000.0 * delay_s, 1000.0 * (delay_s + first),
        resident_mb(os.getpid()), Path(source).stat().st_size / 1e6,
        _macs_of_checkpoint(source, wave[: 2 * SAMPLE_RATE], stages) / min(2.0, seconds),
    )  # fmt: skip


def _macs_of_checkpoint(source: str, wave: np.ndarray, stages: int) -> float:
    """Counted in torch, where that is installed: numpy doesn't count."""
    if find_spec("torch") is None:
        return math.nan
    from codec import Codec

    codec = Codec.load(source, backend="torch")
    return _count_macs(lambda: codec.decode(codec.encode(wave, SAMPLE_RATE, num_stages=stages)))


def _cost_of_neural(name: str, kbps: float, seconds: float, repeats: int) -> Cost:
    """Random weights: speed does not depend on them."""
    from training.evaluation.cost.neural import build_neural

    model = build_neural(name)
    start_s = time.process_time()
    speech = speech_like(seconds)[None] / np.float32(32768)
    wave = resample(speech, SAMPLE_RATE, model.sample_rate)[0]
    first = math.nan

    def run(wave: np.ndarray) -> tuple[float, float]:
        before = time.process_time()
        codes = model.encode(wave)
        between = time.process_time()
        model.decode(codes)
        return between - before, time.process_time() - between

    encode_s, decode_s = _median(lambda: run(wave), repeats)
    if math.isfinite(model.delay_ms):
        frame = wave[: math.ceil(model.delay_ms * model.sample_rate / 1000.0)]
        first = 1000.0 * sum(_median(lambda: run(frame), repeats))
    return Cost(
        name, model.kbps, seconds, encode_s / seconds, decode_s / seconds, start_s,
        model.delay_ms, model.delay_ms + first, resident_mb(os.getpid()),
        model.num_parameters * 4 / 1e6, _count_macs(lambda: run(wave)) / seconds,
    )  # fmt: skip


def _median(run: Callable[[], tuple[float, ...]], repeats: int) -> tuple[float, ...]:
    """Median of each number `run` returns, after one run to warm up."""
    run()
    return tuple(
        statistics.median(column) for column in zip(*(run() for _ in range(repeats)), strict=True)
    )


def _count_macs(run: Callable[[], object]) -> float:
    """Multiply-accumulates of `run`: convolutions and matrix products."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops() / 2.0


_KINDS: dict[str, Callable[[str, float, float, int], Cost]] = {
    "checkpoint": _cost_of_checkpoint,
    **{name: partial(_cost_of_checkpoint, backend=name) for name in BACKENDS},
    "peer": _cost_of_peer,
    "neural": _cost_of_neural,
}


def _main(words: Sequence[str]) -> None:
    """The child's side of `measure`: print one line of JSON."""
    kind, source, kbps, seconds, repeats = words
    cost = _KINDS[kind](source, float(kbps), float(seconds), int(repeats))
    print(json.dumps(asdict(cost)))


if __name__ == "__main__":
    _main(sys.argv[1:])
