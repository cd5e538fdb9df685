"""Codes of one recording, in bounded memory; of several short ones at once where that is faster."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from app.files import NSVQ_SUFFIX
from app.tokens.recording import Recording
from codec.errors import AudioError, CodecError
from codec.formats import suffix_of

if TYPE_CHECKING:
    from codec import Codec
    from codec.audio import AudioReader

SLACK_S = 0.05
"""How far a manifest's part may reach beyond the end of its recording."""


class Coded(NamedTuple):
    """What became of a recording."""

    codes: np.ndarray
    """[C, Q, F]"""
    sample_rate: int
    num_samples: int
    warnings: tuple[str, ...] = ()
    """What looks wrong with the recording but did not stop the reading."""


def code(codec: "Codec", recording: Recording, num_stages: int) -> Coded:
    """The codes that `nsvq encode --cbr` gives: as many for each frame.

    Raises:
        CodecError: it can't be read or coded, or has no such part or channel.
    """
    with _opened(recording) as reader:
        rate = reader.info.sample_rate
        if not recording.is_whole:
            wave = _part(reader, recording)
            codes = np.asarray(codec.encode(wave, rate, num_stages=num_stages))
            return Coded(codes, rate, wave.shape[1], tuple(reader.warnings))
        encoder = codec.file_encoder(codec.header(rate, reader.info.channels, num_stages))
        found = [encoder.push(block).astype(np.uint16) for block in reader.blocks()]
        found.append(encoder.finish().astype(np.uint16))
        codes = np.concatenate(found, axis=2)
        return Coded(codes, rate, encoder.num_samples, tuple(reader.warnings))


def code_at_once(
    codec: "Codec", recordings: Sequence[Recording], num_stages: int
) -> dict[int, Coded]:
    """Those of `recordings`, by index, that a GPU computes in common; others are left out.

    Left out is also what can't be read or coded: coded alone, it tells why.
    """
    from codec.batches import LONGEST_S, batch_backend

    if batch_backend(codec) is None:
        return {}
    waves: dict[int, dict[int, np.ndarray]] = {}
    warnings: dict[int, tuple[str, ...]] = {}
    for index, recording in enumerate(recordings):
        if not recording.fault:
            with suppress(CodecError, OSError), _opened(recording) as reader:
                rate = reader.info.sample_rate
                if reader.info.num_samples <= LONGEST_S * rate:
                    waves.setdefault(rate, {})[index] = _part(reader, recording)
                    warnings[index] = tuple(reader.warnings)
    found: dict[int, Coded] = {}
    for rate, some in waves.items():
        with suppress(CodecError):
            codes = codec.encode(list(some.values()), rate, num_stages=num_stages)
            for index, one in zip(some, codes, strict=True):
                length = some[index].shape[1]
                found[index] = Coded(np.asarray(one), rate, length, warnings[index])
    return found


@contextmanager
def _opened(recording: Recording) -> "Iterator[AudioReader]":
    from codec.audio import open_audio

    if suffix_of(recording.path) == NSVQ_SUFFIX:
        raise AudioError(
            f"{recording.path}: is coded already, and frames may differ in their number of codes; "
            "give the recording, or what `nsvq decode` makes of this file"
        )
    source = recording.path if recording.data is None else BytesIO(recording.data)
    with open_audio(source) as reader:
        yield reader


def _part(reader: "AudioReader", recording: Recording) -> np.ndarray:
    """The part and the channel that are asked for. Shape: -> wave [C, T]."""
    if recording.is_whole:
        return np.concatenate(list(reader.blocks()), axis=1)
    rate, length = reader.info.sample_rate, reader.info.num_samples
    start = round(recording.start_s * rate)
    count = length - start if recording.seconds is None else round(recording.seconds * rate)
    if start < 0 or count < 1 or start + count > length + SLACK_S * rate:
        raise AudioError(
            f"{recording.path}: {start / rate:g} to {(start + count) / rate:g} s asked for, of "
            f"{length / rate:g} s"
        )
    wave = reader.part(start, min(count, length - start))
    channel = recording.channel
    if channel is None:
        return wave
    if not 0 <= channel < len(wave):
        raise AudioError(f"{recording.path}: no channel {channel}; it has {len(wave)}")
    return wave[channel : channel + 1]
