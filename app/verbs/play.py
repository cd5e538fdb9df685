"""`nsvq play`: hear .nsvq files on this machine's sound device."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
import numpy as np

from app.options import checkpoint_option, rate_options
from app.work import load_codec
from codec.bitstream import FileReader
from codec.errors import AudioError, BitstreamError


@click.command()
@click.argument(
    "inputs", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path)
)
@rate_options
@checkpoint_option
def command(
    inputs: tuple[Path, ...], bitrate: float | None, stages: int | None, checkpoint: str
) -> None:
    """Decode .nsvq files and play them, one after the other. Ctrl-C stops.

    \b
    nsvq play speech.nsvq --bitrate 3
    """
    device = _sound_device()
    codec = load_codec(checkpoint)
    for path in inputs:
        try:
            with path.open("rb") as file:
                reader = FileReader(file, partial=True)
                if reader.missing:
                    click.echo(f"nsvq: {path}: {reader.missing}", err=True)
                used = reader.header.held_stages(bitrate, stages)
                header = reader.header
                blocks = codec.decompress_blocks(reader, used)
                _play(device, blocks, header.sample_rate, header.num_channels)
        except OSError as error:
            raise BitstreamError(f"{path}: can't be read ({error.strerror})") from error
        except BitstreamError as error:
            raise type(error)(f"{path}: {error}") from error


def _sound_device() -> Any:
    """The package sounddevice, if its system library is here too."""
    try:
        import sounddevice
    except OSError as error:
        raise AudioError(f"no sound can be played here ({error}); install PortAudio") from error
    return sounddevice


def _play(device: Any, blocks: Iterable[np.ndarray], sample_rate: int, channels: int) -> None:
    """Play waves as they are decoded. Shape: blocks [C, T] each."""
    try:
        with device.OutputStream(samplerate=sample_rate, channels=channels) as stream:
            for block in blocks:
                stream.write(np.ascontiguousarray(np.clip(block, -1.0, 1.0).T, np.float32))
    except device.PortAudioError as error:
        raise AudioError(
            f"the sound device can't play {channels} channels at {sample_rate} Hz ({error})"
        ) from error
