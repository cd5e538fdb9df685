"""The numpy backend beside ONNX Runtime, and beside its own matrix products alone.

    OMP_NUM_THREADS=1 python -m training.evaluation.cost.runtimes [CHECKPOINT] [--repeats N]

All three take turns in one process, so that the ratio of two medians holds on a busy machine too.
The graphs of `nsvq export` compute their spectra as convolutions, numpy as FFTs. No
runtime in single precision is faster than the products alone: they are the limit of this network
on this machine.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from codec import Codec
from codec.backends.numpy_backend import BLOCK_FRAMES, NumpyBackend, Trunk
from codec.backends.numpy_layers import Linear, Stack
from codec.catalog import describe_checkpoint, find_checkpoint
from codec.noise import noise
from codec.temporary import TemporaryFolder
from training.evaluation.cost.speed import speech_like

Work = Callable[[], object]


def products(backend: NumpyBackend, num_frames: int) -> Iterator[tuple[int, np.ndarray]]:
    """Rows and matrix of every product that encoding and decoding a block take."""
    for trunk in (backend.encoder, backend.decoder):
        yield from ((num_frames, matrix) for matrix in _matrices(trunk))
    for codewords in backend.codebooks.codewords:
        yield num_frames, np.ascontiguousarray(codewords.T)
    if (refiner := backend.refiner) is not None:
        yield num_frames, refiner.see.matrix
        hears = (refiner.hear_noise,) if refiner.hear_noise else ()
        for part in (refiner.enter, *hears, refiner.stack, refiner.leave):
            yield from ((num_frames * refiner.ratio, matrix) for matrix in _matrices(part))


def _matrices(part: Trunk | Linear | Stack) -> Iterator[np.ndarray]:
    """Those of a part of the network, in the order of their use."""
    if isinstance(part, Linear):
        yield part.matrix
    elif isinstance(part, Stack):
        for block in part.blocks:
            yield from (block.widen, block.narrow)
    else:
        for inner in (part.linear, part.enter, part.stack, part.leave):
            yield from _matrices(inner)


def works(path: Path, num_frames: int) -> dict[str, Work]:
    """What is timed, by name, each on a block of `num_frames` frames."""
    codec = Codec.load(path, backend="numpy", block_frames=num_frames)
    assert isinstance(codec.backend, NumpyBackend)
    hop, rate = codec.config.hop, codec.config.sample_rate
    wave = speech_like(num_frames * hop / rate)[None, : (num_frames - 1) * hop]
    wave = wave / np.float32(32_768)
    codes = np.asarray(codec.encode(wave, rate))
    random = np.random.default_rng(0)
    pairs = [
        (random.standard_normal((rows, len(matrix)), np.float32), matrix)
        for rows, matrix in products(codec.backend, num_frames)
    ]
    encode, decode = _onnx(path, wave, codes, noise(0, num_frames * hop)[None])
    return {
        "numpy, encode": lambda: codec.encode(wave, rate),
        "ONNX Runtime, encode": encode,
        "numpy, decode": lambda: codec.decode(codes),
        "ONNX Runtime, decode": decode,
        "products alone": lambda: [x @ matrix for x, matrix in pairs],
    }


def _onnx(path: Path, wave: np.ndarray, codes: np.ndarray, hiss: np.ndarray) -> tuple[Work, Work]:
    """Encoding and decoding by the graphs of `nsvq export`."""
    import onnxruntime

    from codec.export import export

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    with TemporaryFolder("bench") as folder:
        encoder, decoder = (
            onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
            for file in export(path, folder)
        )
    given = {"codes": codes, "noise": hiss}
    given = {value.name: given[value.name] for value in decoder.get_inputs()}
    return (
        lambda: encoder.run(["codes"], {"wave": wave}),
        lambda: decoder.run(["wave"], given),
    )


def measure(works: dict[str, Work], repeats: int) -> dict[str, list[float]]:
    """Processor seconds of each work, one after the other in every round; the first is dropped."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(repeats + 1):
        for name, work in works.items():
            before = time.process_time()
            work()
            times[name].append(time.process_time() - before)
    return {name: taken[1:] for name, taken in times.items()}


def main() -> None:
    """Print a row for each work: milliseconds for a second of audio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", nargs="?", default="default")
    parser.add_argument("--repeats", type=int, default=30)
    chosen = parser.parse_args()
    path = find_checkpoint(chosen.checkpoint)
    seconds = BLOCK_FRAMES / describe_checkpoint(path).config.frame_rate
    print("| | ms a second of audio, median | fastest |\n|---|---|---|")
    for name, taken in measure(works(path, BLOCK_FRAMES), chosen.repeats).items():
        middle, best = (1000 * value / seconds for value in (statistics.median(taken), min(taken)))
        print(f"| {name} | {middle:.2f} | {best:.2f} |")


if __name__ == "__main__":
    main()
