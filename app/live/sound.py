"""Where a conversation's sound comes from and goes to: recordings, microphone, headphones."""

import itertools
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from codec.audio import open_audio
from codec.errors import AudioError

_SHORTEST_BLOCK_S = 0.005
"""Of a sound card's blocks: of a sample or so each, they would keep the processor busy."""


def sound_device() -> Any:
    """The package sounddevice, if its system library is here too.

    Raises:
        AudioError: the library is missing.
    """
    try:
        import sounddevice
    except OSError as error:
        raise AudioError(
            f"no sound card can be used here ({error}): install PortAudio, or give --input and "
            "--output"
        ) from error
    return sounddevice


def recording(path: Path, packet_s: float) -> Generator[np.ndarray, None, None]:
    """A recording, folded into one channel, a packet's time at a time. Shape: -> wave [T]."""
    with open_audio(path) as reader:
        step = max(1, round(packet_s * reader.info.sample_rate))
        for block in reader.blocks(step):
            yield block.mean(0, dtype=np.float32)


def microphone(
    device: Any, sample_rate: int, packet_s: float, first_s: float
) -> Generator[np.ndarray, None, None]:
    """What is spoken, a packet's time at a time, as it is spoken. Shape: -> wave [T].

    Args:
        first_s: the first time; all others end where packets become ready if that one does.

    Raises:
        AudioError: there is no microphone that can do that.
    """
    first, step = round(first_s * sample_rate), round(packet_s * sample_rate)
    block = max(first, round(_SHORTEST_BLOCK_S * sample_rate))
    try:
        with device.InputStream(samplerate=sample_rate, channels=1, blocksize=block) as stream:
            for count in itertools.chain([first], itertools.repeat(step)):
                yield np.asarray(stream.read(count)[0], np.float32)[:, 0]
    except device.PortAudioError as error:
        raise AudioError(f"the microphone can't be used ({error})") from error


def play(device: Any, blocks: Iterable[np.ndarray], sample_rate: int) -> None:
    """Play what is heard as it comes. Shape: blocks [1, T] each.

    Raises:
        AudioError: there are no headphones that can do that.
    """
    try:
        with device.OutputStream(samplerate=sample_rate, channels=1) as stream:
            for block in blocks:
                stream.write(np.ascontiguousarray(block.T, np.float32))
    except device.PortAudioError as error:
        raise AudioError(f"the sound can't be played ({error})") from error
