"""What is fuzzed: functions of bytes that end in a named error or in a result, and nothing else.

Each gives its outcome as a word: the error's name, or a hash of the result.
"""

import hashlib
import io
import random
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import soundfile
import torch
from checksums import mend, mend_growing

from codec import Codec
from codec.audio import open_audio
from codec.backends.torch_checkpoint import save_checkpoint
from codec.backends.torch_model import CodecModel
from codec.bitstream import (
    VARIABLE,
    FileReader,
    Header,
    pack_file,
    trim_file,
    trim_reader,
    unpack_file,
    with_depth,
)
from codec.bitstream.header import MAX_STAGES, unpack_header
from codec.catalog import describe_checkpoint
from codec.config import ModelConfig
from codec.errors import AudioError, BitstreamError, CheckpointError, ConfigError
from codec.wav_stream import WavStream, open_wav_stream

GOLDEN = Path(__file__).parent.parent / "codec" / "bitstream" / "golden"
MAX_VALUES = 200_000
"""Samples times channels beyond which a file is not decoded here: that takes long, not more."""
CONFIG = ModelConfig(
    trunk_width=8, latent_width=8, num_stages=4, codebook_size=16,
    encoder_lookahead=(1,), decoder_lookahead=(1,),
)  # fmt: skip


def reader(data: bytes) -> str:
    """A whole file at once, as it is and behind checksums that are right."""
    outcomes = []
    for one in (data, mend(data)):
        try:
            header, codes = unpack_file(one)
        except BitstreamError as error:
            outcomes.append(type(error).__name__)
            continue
        stages = codes.shape[1] if header.version == VARIABLE else header.num_stages
        assert codes.shape == (header.num_channels, stages, header.num_frames)
        assert 1 <= stages <= MAX_STAGES
        assert pack_file(header, codes) == one, "another file with the same meaning"
        outcomes.append(hashlib.sha256(codes.tobytes()).hexdigest()[:8])
    return " ".join(outcomes)


def stream(data: bytes) -> str:
    """A file chunk by chunk, and trimmed: the same as at once."""
    one = mend(data)
    try:
        header, codes = unpack_file(one, 1)
    except BitstreamError as error:
        expected = type(error).__name__
        try:
            list(FileReader(io.BytesIO(one)).codes(1))
            trim_reader(FileReader(io.BytesIO(one)), io.BytesIO(), 1)
        except BitstreamError as other:
            assert type(other) is type(error)
            return expected
        raise AssertionError(f"refused at once ({error}), but not as a stream") from error
    parts = list(FileReader(io.BytesIO(one)).codes(1))
    if header.version == VARIABLE:
        parts = [with_depth(part, codes.shape[1]) for part in parts]
    assert not header.num_frames or np.array_equal(np.concatenate(parts, axis=-1), codes)
    trimmed = io.BytesIO()
    trim_reader(FileReader(io.BytesIO(one)), trimmed, 1)
    assert trimmed.getvalue() == trim_file(one, 1)
    return hashlib.sha256(trimmed.getvalue()).hexdigest()[:8]


def growing(data: bytes) -> str:
    """A file of version 2, whole and as far as it goes: what is read packs into the same bytes."""
    outcomes = []
    for one in (data, mend_growing(data)):
        try:
            found = FileReader(io.BytesIO(one), partial=True)
            parts = list(found.codes())
        except BitstreamError as error:
            outcomes.append(type(error).__name__)
            continue
        header = found.header
        empty = np.zeros((header.num_channels, header.num_stages, 0), int)
        codes = np.concatenate([empty, *parts], axis=-1)
        assert codes.shape[-1] == header.num_frames
        packed = pack_file(header, codes)
        assert one.startswith(packed[:-14]) if found.missing else packed == one
        outcomes.append("cut" if found.missing else hashlib.sha256(packed).hexdigest()[:8])
    return " ".join(outcomes)


def decompress(data: bytes) -> str:
    """A file of the model at hand, as far as it is short: as many finite samples as it says."""
    codec = small_codec()
    one = mend(data[:8] + codec.model_id + data[16:])
    try:
        header = unpack_header(one)
        if header.num_samples * header.num_channels > MAX_VALUES:
            return "long"
        wave, rate = codec.decompress(one)
    except (BitstreamError, ConfigError) as error:
        return type(error).__name__
    assert wave.shape == (header.num_channels, header.num_samples)
    assert rate == header.sample_rate
    assert np.isfinite(wave).all()
    return f"{wave.shape[0]}x{wave.shape[1]}"


def audio(data: bytes) -> str:
    """A recording in any format of libsndfile."""
    try:
        with open_audio(io.BytesIO(data)) as found:
            if found.info.channels * found.info.num_samples > 50 * MAX_VALUES:
                return "long"
            total = sum(block.shape[1] for block in found.blocks())
    except AudioError:
        return "AudioError"
    return f"{found.info.format} {total}"


def pipe(data: bytes) -> str:
    """A wav that comes through a pipe; anything else is left to libsndfile."""
    try:
        found = open_wav_stream(io.BytesIO(data))
        if not isinstance(found, WavStream):
            return "no wav of plain samples"
        total = 0
        for block in found.blocks():
            assert block.shape[0] == found.num_channels
            assert np.isfinite(block).all()
            total += block.shape[1]
    except AudioError:
        return "AudioError"
    return f"{found.num_channels}x{total} at {found.sample_rate}"


def checkpoint(data: bytes) -> str:
    """A checkpoint's header and tensors."""
    with tempfile.NamedTemporaryFile(suffix=".safetensors") as file:
        file.write(data)
        file.flush()
        try:
            info = describe_checkpoint(file.name)
        except CheckpointError:
            return "CheckpointError"
    return info.model_id.hex()


TARGETS: dict[str, Callable[[bytes], str]] = {
    "reader": reader,
    "stream": stream,
    "growing": growing,
    "decompress": decompress,
    "audio": audio,
    "pipe": pipe,
    "checkpoint": checkpoint,
}


@lru_cache
def small_checkpoint() -> bytes:
    """Random weights, the same in every process."""
    with torch.random.fork_rng(), tempfile.TemporaryDirectory() as folder:
        torch.manual_seed(0)
        path = Path(folder, "small.safetensors")
        save_checkpoint(path, CodecModel(CONFIG))
        return path.read_bytes()


@lru_cache
def small_codec() -> Codec:
    """The codec of `small_checkpoint`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "small.safetensors")
        path.write_bytes(small_checkpoint())
        return Codec.load(path)


@lru_cache
def seeds(target: str) -> tuple[bytes, ...]:
    """Sound inputs to start from."""
    if target == "audio":
        return tuple(
            _recording(kind) for kind in ("WAV", "FLAC", "OGG", "MP3", "AIFF", "AU", "CAF")
        )
    if target == "pipe":
        kinds = ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")
        extended = [_recording(form, "PCM_16") for form in ("WAVEX", "RF64")]
        return (*(_recording("WAV", kind) for kind in kinds), *extended)
    if target == "checkpoint":
        return (small_checkpoint(),)
    if target == "growing":
        header = Header(b"fuzzing.", 8_000, 2, 900, 3, 4, version=2, frames_per_chunk=2)
        codes = np.random.default_rng(3).integers(0, 16, (2, 3, header.num_frames))
        golden = [path.read_bytes() for path in sorted(GOLDEN.glob("v2-*.nsvq"))]
        return (*golden, pack_file(header, codes))
    golden = [path for version in (1, 3) for path in sorted(GOLDEN.glob(f"v{version}-*.nsvq"))]
    files = [path.read_bytes() for path in golden]
    shapes = ((1, 16_000, 1, 0, 1), (2, 8_000, 3, 900, 2), (1, 48_000, 7, 5_000, 4))
    for channels, rate, seed, count, stages in shapes:
        codes = np.random.default_rng(seed)
        header = Header(b"fuzzing.", rate, channels, count, stages, 4)
        shape = (channels, stages, header.num_frames)
        files.append(pack_file(header, codes.integers(0, 16, shape)))
    return (*files, *_varying())


def _varying() -> list[bytes]:
    """Files of version 3 with up to 2, 4 (all that `CONFIG` has) and 9 stages a frame."""
    files = []
    for channels, deepest, per_chunk in ((1, 2, 50), (2, 4, 6), (3, 9, 3)):
        random = np.random.default_rng(deepest)
        header = Header(
            b"fuzzing.", 8_000, channels, 900, 2, 4, frames_per_chunk=per_chunk, version=VARIABLE
        )
        codes = random.integers(0, 16, (channels, deepest, header.num_frames))
        for frame in range(header.num_frames):
            for channel in codes:
                first = frame % per_chunk % 2 == 0
                shared = (channel[:, frame - 1] >= 0).sum()
                channel[random.integers(1, deepest + 1) if first else shared :, frame] = -1
        files.append(pack_file(header, codes))
    return files


def mutated(target: str, number: int) -> bytes:
    """Input `number` of a fixed sequence: a seed with bytes changed, cut, doubled or exchanged."""
    source = random.Random(f"{target} {number}")
    data = bytearray(source.choice(seeds(target)))
    for _ in range(source.randrange(5)):
        if not data:
            break
        place = source.randrange(len(data))
        kind = source.randrange(5)
        if kind == 0:
            data[place] ^= 1 << source.randrange(8)
        elif kind == 1:
            data[place] = source.choice((0, 1, 0x7F, 0x80, 0xFF))
        elif kind == 2:
            del data[place : place + source.randrange(1, 40)]
        elif kind == 3:
            data[place:place] = data[place : place + source.randrange(1, 40)]
        else:
            place = min(place, 40)  # where headers are
            data[place : place + 4] = source.randbytes(4)
    return bytes(data)


def _recording(form: str, subtype: str | None = None) -> bytes:
    wave = 0.1 * np.sin(np.arange(2_000) / 20.0)
    file = io.BytesIO()
    soundfile.write(file, wave, 16_000, format=form, subtype=subtype)
    return file.getvalue()
