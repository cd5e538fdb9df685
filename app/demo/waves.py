"""Waves block by block: written as they come, cut, padded and mixed down.

Nothing here holds a whole recording, so memory does not grow with what a visitor sends.
"""

import wave
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from codec.audio import BLOCK_SAMPLES, open_audio, to_pcm16
from codec.errors import OutputError
from codec.resampling import resample_blocks

MARGIN_S = 1.0
"""Read so much more than is asked for: the resampler's last samples depend on what follows."""


class WaveWriter:
    """An open 16-bit WAV file that takes one block after the other."""

    def __init__(self, file: wave.Wave_write) -> None:
        self._file = file
        self.num_samples = 0

    def write(self, block: np.ndarray) -> None:
        """Add a block; values beyond [-1, 1] are clipped. Shape: block [C, T]."""
        self._file.writeframesraw(to_pcm16(block).T.astype("<i2").tobytes())
        self.num_samples += block.shape[1]


@contextmanager
def new_wave(path: Path, sample_rate: int, num_channels: int) -> Iterator[WaveWriter]:
    """A new 16-bit WAV file; it is removed again if anything goes wrong."""
    try:
        with path.open("wb") as raw, wave.open(raw, "wb") as file:
            file.setparams((num_channels, 2, sample_rate, 0, "NONE", ""))
            yield WaveWriter(file)
    except BaseException as error:  # a cancelled request too leaves nothing behind
        path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise OutputError(f"{path}: can't be written ({error.strerror})") from error
        raise


def wave_blocks(path: Path) -> Iterator[np.ndarray]:
    """A recording's blocks; it stays open until they are used up. Shape: blocks [C, T]."""
    with open_audio(path) as reader:
        yield from reader.blocks()


def first_samples(blocks: Iterable[np.ndarray], num_samples: int) -> Iterator[np.ndarray]:
    """Blocks up to `num_samples`; what follows is not asked for. Shape: blocks [C, T].

    >>> [block.shape[1] for block in first_samples([np.zeros((1, 3))] * 9, 7)]
    [3, 3, 1]
    """
    left = num_samples
    for block in blocks:
        yield block[:, :left]
        left -= block.shape[1]
        if left <= 0:
            return


def fitted(blocks: Iterable[np.ndarray], num_samples: int) -> Iterator[np.ndarray]:
    """Blocks cut or padded with silence to `num_samples` in all. Shape: blocks [C, T].

    >>> [block.shape[1] for block in fitted([np.zeros((1, 3))], 5)]
    [3, 2]
    """
    found, channels = 0, 1
    for block in first_samples(blocks, num_samples):
        found, channels = found + block.shape[1], block.shape[0]
        yield block
    while found < num_samples:
        step = min(BLOCK_SAMPLES, num_samples - found)
        found += step
        yield np.zeros((channels, step), np.float32)


def heard(
    blocks: Iterable[np.ndarray], sample_rate: int, model_rate: int, seconds: float
) -> np.ndarray:
    """The first `seconds` as the network hears them: the channels' mean at its rate.

    Shape: blocks [C, T] at `sample_rate` -> [T] at `model_rate`.
    """

    def length(num_samples: int) -> int:
        return (2 * num_samples * model_rate + sample_rate) // (2 * sample_rate)

    start = first_samples(blocks, int((seconds + MARGIN_S) * sample_rate))
    mono = (block.mean(axis=0, keepdims=True, dtype=np.float32) for block in start)
    parts = list(resample_blocks(mono, sample_rate, model_rate, length))
    return np.concatenate([np.zeros((1, 0), np.float32), *parts], axis=1)[
        0, : int(seconds * model_rate)
    ]
