"""Does this installation code as another does? Vectors to compare with, made and checked.

A vector is a short signal of integer arithmetic (the same on every machine), the .nsvq file it is
coded into, and 16-bit samples of what that is decoded into. An index names the weights.

    signal --compress--> codes, compared with those in the file: which share differs
    file --decompress--> samples, compared with the reference: the largest difference

Other arithmetic may round otherwise. A code that falls the other way between two codewords equally
near is no fault, so a small share may differ; decoded samples must agree nearly.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from codec.audio import read_audio, to_pcm16, write_audio
from codec.bitstream import Header, unpack_file, with_depth
from codec.errors import BitstreamError, CodecError, ModelMismatchError
from codec.output import new_file

if TYPE_CHECKING:
    from codec.codec import Codec

INDEX = "vectors.json"
FORMAT = "nsvq-conformance-2"
MAX_CODE_SHARE = 0.02
"""Share of codes that may differ: ties that another arithmetic breaks otherwise."""
MAX_SAMPLE_STEPS = 4.0
"""Largest difference of decoded samples, in steps of 16 bits."""


@dataclass(frozen=True)
class Shape:
    """A vector's signal and bitrate."""

    name: str
    num_channels: int
    sample_rate: int
    num_samples: int
    stage_share: float
    """Of the model's stages, rounded up."""
    vbr: bool = False
    """Whether stages vary from frame to frame."""


SHAPES = (
    Shape("lowest", 1, 16_000, 16_000, 0.0),
    Shape("half", 1, 16_000, 16_000, 0.5),
    Shape("highest", 1, 16_000, 24_000, 1.0),
    Shape("telephone", 1, 8_000, 8_000, 0.75),
    Shape("compact-disc", 1, 44_100, 30_011, 0.75),
    Shape("stereo", 2, 48_000, 30_000, 0.5),
    Shape("surround", 6, 48_000, 12_345, 0.25),
    Shape("slow", 3, 11_025, 7_000, 0.25),
    Shape("whole-chunk", 1, 16_000, 49 * 320, 0.25),
    Shape("below-a-frame", 1, 16_000, 319, 1.0),
    Shape("one-sample", 1, 22_050, 1, 1.0),
    Shape("empty", 1, 16_000, 0, 1.0),
    Shape("variable", 1, 16_000, 100_000, 0.5, vbr=True),
    Shape("variable-stereo", 2, 44_100, 40_000, 0.25, vbr=True),
)


@dataclass(frozen=True)
class Verdict:
    """How far this installation is from a vector."""

    name: str
    num_codes: int
    differing_codes: int
    sample_steps: float
    """Largest difference of decoded samples, in steps of 16 bits; infinite for another length."""
    problem: str = ""
    """What is wrong beside that."""

    @property
    def passes(self) -> bool:
        """Whether the differences are those of rounding."""
        few = self.differing_codes <= MAX_CODE_SHARE * self.num_codes
        return few and self.sample_steps <= MAX_SAMPLE_STEPS and not self.problem


def signal(shape: Shape) -> np.ndarray:
    """A buzz whose pitch and loudness move, and noise; other channels start later in it.

    Shape: -> wave [C, T] float32 in [-1, 1], all of them multiples of 1 / 32768.
    """
    count = shape.num_samples + 1_000 * shape.num_channels
    time = np.arange(count, dtype=np.int64)
    turn = 1 << 20
    pitch = 100 + (time * 60 // max(1, shape.sample_rate)) % 80  # Hz
    phase = np.cumsum(pitch * turn // shape.sample_rate) % turn
    buzz = sum(_triangle(phase * n % turn, turn) // n for n in (1, 2, 3, 5, 8, 13))
    loudness = _triangle(time * 3 * turn // shape.sample_rate % turn, turn) + turn
    hiss = (time * 1_103_515_245 + 12_345) * (time + 7) // 65_536 % 2_048 - 1_024
    mixed = buzz * loudness // (turn * 300) + hiss // 2
    pcm = np.clip(mixed, -32_768, 32_767).astype(np.float32) / 32_768.0
    starts = [1_000 * channel for channel in range(shape.num_channels)]
    return np.stack([pcm[start : start + shape.num_samples] for start in starts])


def make_vectors(codec: "Codec", folder: Path, *, force: bool = False) -> list[Path]:
    """Write the vectors of `codec` into `folder`; the files written, the index last.

    Raises:
        OutputError: a file exists (without `force`) or can't be written.
    """
    written, vectors = [], []
    for shape in SHAPES:
        wave = signal(shape)
        data = _compressed(codec, wave, shape)
        coded, reference = (folder / f"{shape.name}{suffix}" for suffix in (".nsvq", ".flac"))
        with new_file(coded, force) as file:
            file.write(data)
        written.append(coded)
        decoded, rate = codec.decompress(data)
        if decoded.shape[1]:
            write_audio(reference, decoded, rate, force=force)
            written.append(reference)
        chunks = chunk_hashes(*unpack_file(data))
        digest = hashlib.sha256(data).hexdigest()
        vectors.append({**asdict(shape), "sha256": digest, "chunks": chunks})
    index = {"format": FORMAT, "model": codec.name, "model_id": codec.model_id.hex()}
    with new_file(folder / INDEX, force) as file:
        file.write((json.dumps(index | {"vectors": vectors}, indent=1) + "\n").encode())
    return [*written, folder / INDEX]


def check_vectors(codec: "Codec", folder: Path) -> list[Verdict]:
    """What this installation makes of the vectors in `folder`.

    Raises:
        BitstreamError: no vectors there, or damaged ones.
        ModelMismatchError: vectors of other weights.
    """
    index = read_index(folder)
    if index["model_id"] != codec.model_id.hex():
        raise ModelMismatchError(
            f"{folder}: vectors of model {index['model_id']}, but {codec.name or 'the model'} is "
            f"{codec.model_id.hex()}"
        )
    return [_check(codec, folder, vector) for vector in index["vectors"]]


def read_index(folder: Path) -> dict[str, Any]:
    """The index of the vectors in `folder`.

    Raises:
        BitstreamError: there is none, or it is damaged.
    """
    try:
        index = json.loads((folder / INDEX).read_text())
        if index["format"] != FORMAT:
            raise BitstreamError(f"{folder}: vectors of another release ({index['format']!r})")
        return {"model_id": str(index["model_id"]), "vectors": list(index["vectors"])}
    except OSError as error:
        raise BitstreamError(f"{folder}: holds no {INDEX} ({error.strerror})") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BitstreamError(f"{folder / INDEX}: damaged") from error


def chunk_hashes(header: Header, codes: np.ndarray) -> list[str]:
    """SHA-256 over each chunk's codes as 16-bit little-endian integers, its first 8 bytes.

    Shape: codes [C, Q, F].
    """
    step = header.frames_per_chunk
    chunks: Iterable[np.ndarray] = (
        codes[..., start : start + step] for start in range(0, codes.shape[-1], step)
    )
    return [
        hashlib.sha256(np.ascontiguousarray(chunk, "<u2").tobytes()).hexdigest()[:16]
        for chunk in chunks
    ]


def _check(codec: "Codec", folder: Path, vector: dict[str, Any]) -> Verdict:
    shape = Shape(**{name: vector[name] for name in Shape.__dataclass_fields__})
    try:
        data = (folder / f"{shape.name}.nsvq").read_bytes()
        header, codes = unpack_file(data)
    except (OSError, BitstreamError) as error:
        return Verdict(shape.name, 0, 0, math.inf, f"{shape.name}.nsvq: {error}")
    if chunk_hashes(header, codes) != vector["chunks"]:
        return Verdict(shape.name, codes.size, 0, math.inf, "codes are read otherwise")
    try:
        own_codes = unpack_file(_compressed(codec, signal(shape), shape))[1]
        decoded, _ = codec.decompress(data)
        steps = _difference(decoded, _reference(folder, shape))
    except CodecError as error:
        return Verdict(shape.name, codes.size, 0, math.inf, str(error))
    if own_codes.shape[::2] != codes.shape[::2] or (
        not shape.vbr and own_codes.shape != codes.shape
    ):
        return Verdict(shape.name, codes.size, codes.size, steps, "codes of another shape")
    stages = max(own_codes.shape[1], codes.shape[1])
    own_codes, codes = with_depth(own_codes, stages), with_depth(codes, stages)
    return Verdict(shape.name, codes.size, int((own_codes != codes).sum()), steps)


def _reference(folder: Path, shape: Shape) -> np.ndarray:
    if not shape.num_samples:
        return np.zeros((shape.num_channels, 0), np.float32)
    return read_audio(folder / f"{shape.name}.flac")[0]


def _difference(decoded: np.ndarray, reference: np.ndarray) -> float:
    """Largest difference in steps of 16 bits."""
    if decoded.shape != reference.shape:
        return math.inf
    steps = to_pcm16(decoded).astype(np.int32) - to_pcm16(reference).astype(np.int32)
    return float(np.abs(steps).max(initial=0))


def _compressed(codec: "Codec", wave: np.ndarray, shape: Shape) -> bytes:
    stages = _stages(codec, shape)
    return codec.compress(wave, shape.sample_rate, num_stages=stages, vbr=shape.vbr)


def _stages(codec: "Codec", shape: Shape) -> int:
    return max(1, math.ceil(shape.stage_share * len(codec.bitrates_kbps)))


def _triangle(phase: np.ndarray, turn: int) -> np.ndarray:
    """From -turn to turn and back. Shape: phase [T] in [0, turn) -> [T]."""
    return np.abs(4 * phase - 2 * turn) - turn


def failing(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Those that don't pass."""
    return [verdict for verdict in verdicts if not verdict.passes]
