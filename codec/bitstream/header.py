"""The 40 bytes a file starts with.

    0        4   5   6   7   8            16       20       24    26    28           36       40
    +--------+---+---+---+---+------------+--------+--------+-----+-----+------------+--------+
    | "NSVQ" | v | C | Q | b |  model id  | source | model  | hop | per |  samples   | CRC-32 |
    |        |   |   |   |   |            |  rate  |  rate  |     |chunk|            |        |
    +--------+---+---+---+---+------------+--------+--------+-----+-----+------------+--------+

Integers are unsigned and big-endian. The number of frames is not stored: it follows from samples,
rates and hop (`Header.num_frames`). In version 2 all bits of the samples are set: `growing` tells
how many there are. In version 3 Q is what all frames have on average: `variable` tells of each.
"""

import struct
import zlib
from dataclasses import dataclass

from codec.bitstream.stage_counts import GROUP
from codec.bitstream.tags import Tags, check_tags, tags_bytes
from codec.errors import BitstreamError, CorruptError, VersionError
from codec.rates import Rates

MAGIC = b"NSVQ"
VERSION = 1
"""Of files whose length is known when they are written."""
GROWING = 2
"""Version of files that are read before they end, or hold tags; see `growing`."""
ID_BYTES = 8
VARIABLE = 3
"""Version of files whose stages vary from frame to frame; see `variable`."""
MAX_STAGES = 64
MAX_CODE_BITS = 12
MAX_PAYLOAD_BYTES = 0xFFFF
MAX_VARIABLE_BYTES = 0xFFFE
"""Of a payload of version 3: the number above it says that tags follow."""
VERSIONS = (VERSION, GROWING, VARIABLE)
_FIELDS = struct.Struct(">4sBBBB8sIIHHQ")
_CHECKSUM = struct.Struct(">I")
HEADER_BYTES = _FIELDS.size + _CHECKSUM.size
CHUNK_PREFIX_BYTES = 6
"""Of a chunk's label and checksum."""
END_BYTES = 14
"""Of the end marker of version 2."""
_UNKNOWN = 2**64 - 1


@dataclass(frozen=True)
class Header:
    """What a file holds.

    >>> header = Header(bytes(8), sample_rate=48_000, num_channels=1, num_samples=480_000,
    ...                 num_stages=12, code_bits=10)
    >>> header.num_frames, header.seconds, header.bitrate_kbps(), header.file_bytes
    (501, 10.0, 6.0, 7621)
    """

    model_id: bytes
    """Eight bytes that name the weights."""
    sample_rate: int
    """Hz of the recording that was coded, 1,000 to 768,000."""
    num_channels: int
    """C, 1 to 255; each is coded on its own."""
    num_samples: int
    """Samples of each channel of that recording, from 0 up."""
    num_stages: int
    """Q, 1 to 64; of version 3, what all frames have on average, or fewer."""
    code_bits: int
    """Bits of one code, 1 to 12; a codebook has 2 to the power of it codewords."""
    model_sample_rate: int = 16_000
    """Hz of the wave that the network codes, 1,000 to 192,000."""
    hop: int = 320
    """Samples at `model_sample_rate` from one frame to the next, 1 to 65,535."""
    frames_per_chunk: int = 50
    """Frames in every chunk but the last, which holds the rest."""
    version: int = VERSION
    """Of the format: 1, 2 (`GROWING`) or 3 (`VARIABLE`)."""
    tags: Tags = ()
    """Pairs of name and text, sorted by name; version 1 holds none."""
    variable_bytes: int = 0
    """Bytes of all payloads of version 3, which no other number tells; 0 until they are counted."""

    def __post_init__(self) -> None:
        checks = {
            "model_id": len(self.model_id) == ID_BYTES,
            "sample_rate": 1_000 <= self.sample_rate <= 768_000,
            "num_channels": 1 <= self.num_channels <= 255,
            "num_samples": 0 <= self.num_samples < 2**48,
            "num_stages": 1 <= self.num_stages <= MAX_STAGES,
            "code_bits": 1 <= self.code_bits <= MAX_CODE_BITS,
            "model_sample_rate": 1_000 <= self.model_sample_rate <= 192_000,
            "hop": 1 <= self.hop <= 65_535,
            "frames_per_chunk": 1 <= self.frames_per_chunk <= 65_535 - (self.version == GROWING),
            "version": self.version in VERSIONS,
        }
        for name, good in checks.items():
            if not good:
                raise BitstreamError(
                    f"header field {name} = {getattr(self, name)!r} is out of range"
                )
        most = MAX_VARIABLE_BYTES if self.version == VARIABLE else MAX_PAYLOAD_BYTES
        if _longest_payload(self) > most:
            raise BitstreamError(
                f"header field frames_per_chunk = {self.frames_per_chunk} makes "
                f"chunks longer than {most} bytes"
            )
        if self.num_chunks >= 2**32:
            raise BitstreamError(f"{self.num_chunks} chunks; a file holds less than 2^32")
        if self.tags and self.version == VERSION:
            raise BitstreamError(f"a file of version {self.version} holds no tags")
        check_tags(self.tags)

    @property
    def num_model_samples(self) -> int:
        """Samples of each channel at the network's rate: num_samples · rate ratio, rounded up."""
        return -(-self.num_samples * self.model_sample_rate // self.sample_rate)

    @property
    def num_frames(self) -> int:
        """F, frames of each channel."""
        blocks = -(-self.num_model_samples // self.hop)
        return blocks + 1 if blocks else 0

    @property
    def num_chunks(self) -> int:
        """Chunks after the header."""
        return -(-self.num_frames // self.frames_per_chunk)

    @property
    def file_bytes(self) -> int:
        """Length of the whole file; of version 3, once its payloads are counted."""
        if self.version == VARIABLE:
            chunks = self.num_chunks * CHUNK_PREFIX_BYTES + self.variable_bytes
            return HEADER_BYTES + tags_bytes(self.tags) + chunks
        full, rest = divmod(self.num_frames, self.frames_per_chunk)
        total = HEADER_BYTES + full * chunk_bytes(self, self.frames_per_chunk)
        if self.version == GROWING:
            total += tags_bytes(self.tags) + END_BYTES
        return total + (chunk_bytes(self, rest) if rest else 0)

    @property
    def frame_rate(self) -> float:
        """Frames per second."""
        return self.model_sample_rate / self.hop

    @property
    def seconds(self) -> float:
        """Duration of the recording."""
        return self.num_samples / self.sample_rate

    @property
    def rates(self) -> Rates:
        """The bitrates the file can be cut or decoded to."""
        return Rates(self.frame_rate, self.code_bits, self.num_stages, "the file")

    def bitrate_kbps(self, num_stages: int | None = None) -> float:
        """See `Rates.bitrate_kbps`."""
        return self.rates.bitrate_kbps(num_stages)

    def stages_for(self, bitrate_kbps: float) -> int:
        """See `Rates.stages_for`."""
        return self.rates.stages_for(bitrate_kbps)

    def held_stages(self, bitrate_kbps: float | None = None, num_stages: int | None = None) -> int:
        """See `Rates.pick`."""
        return self.rates.pick(bitrate_kbps, num_stages)

    def chunk_frames(self, index: int) -> int:
        """Frames in chunk `index`."""
        return min(self.frames_per_chunk, self.num_frames - index * self.frames_per_chunk)


def payload_bytes(header: Header, num_frames: int, num_stages: int | None = None) -> int:
    """Bytes that the codes of `num_frames` frames fill, the last one padded."""
    stages = header.num_stages if num_stages is None else num_stages
    return -(-stages * header.num_channels * num_frames * header.code_bits // 8)


def _longest_payload(header: Header) -> int:
    """Bytes that the payload of a full chunk may take.

    In version 3 any frame may have all stages. So a chunk can always be written, and a few bytes
    can't make a reader hold more codes than that.
    """
    if header.version == VARIABLE:
        frame_bits = _most_frame_bits(header.code_bits)
        return -(-header.num_channels * header.frames_per_chunk * frame_bits // 8)
    return payload_bytes(header, header.frames_per_chunk)


def _most_frame_bits(code_bits: int) -> int:
    """Bits that a frame of one channel surely fits into in version 3, its number of stages too."""
    return MAX_STAGES * code_bits + 32


def chunk_bytes(header: Header, num_frames: int) -> int:
    """Bytes of one chunk: length, checksum and payload."""
    return CHUNK_PREFIX_BYTES + payload_bytes(header, num_frames)


def default_frames_per_chunk(frame_rate: float, num_channels: int, code_bits: int) -> int:
    """About one second, less where many channels would not fit into a chunk.

    It does not depend on the number of stages: a trimmed file keeps its chunks.
    """
    most = MAX_PAYLOAD_BYTES * 8 // (MAX_STAGES * max(1, num_channels) * code_bits)
    return max(1, min(round(frame_rate), most))


def variable_frames_per_chunk(
    frame_rate: float, num_channels: int, code_bits: int, seconds: float = 4.0
) -> int:
    """Of version 3: whole groups that last about so long, as far as a chunk surely holds them."""
    most = MAX_VARIABLE_BYTES * 8 // (num_channels * _most_frame_bits(code_bits))
    return GROUP * max(1, min(round(min(seconds * frame_rate, most)), most) // GROUP)


def pack_header(header: Header) -> bytes:
    """The header's `HEADER_BYTES` bytes."""
    fields = _FIELDS.pack(
        MAGIC,
        header.version,
        header.num_channels,
        header.num_stages,
        header.code_bits,
        header.model_id,
        header.sample_rate,
        header.model_sample_rate,
        header.hop,
        header.frames_per_chunk,
        _UNKNOWN if header.version == GROWING else header.num_samples,
    )
    return fields + _CHECKSUM.pack(zlib.crc32(fields))


def unpack_header(data: bytes) -> Header:
    """The header that `data` starts with; of version 2 yet without samples and tags.

    Raises:
        CorruptError: not a .nsvq file, truncated, damaged or impossible.
        VersionError: another version of the format.
    """
    if not data:
        raise CorruptError("no data: a .nsvq file has at least 40 bytes")
    if data[:4] != MAGIC[: len(data)]:
        raise CorruptError("not a .nsvq file (it doesn't start with NSVQ)")
    if len(data) > 4 and data[4] not in VERSIONS:
        raise VersionError(f".nsvq version {data[4]}; this release reads versions 1 to 3")
    if len(data) < HEADER_BYTES:
        raise CorruptError(f"truncated: {len(data)} bytes, the header alone has {HEADER_BYTES}")
    fields = bytes(data[: _FIELDS.size])
    if _CHECKSUM.unpack_from(data, _FIELDS.size)[0] != zlib.crc32(fields):
        raise CorruptError("damaged header: its checksum doesn't match")
    (_, version, channels, stages, bits, model_id, rate, model_rate, hop, per_chunk, samples) = (
        _FIELDS.unpack(fields)
    )
    if version == GROWING:
        if samples != _UNKNOWN:
            raise CorruptError(
                f"impossible header: version 2 with {samples} samples before its end"
            )
        samples = 0
    try:
        return Header(
            model_id, rate, channels, samples, stages, bits, model_rate, hop, per_chunk, version
        )
    except BitstreamError as error:
        raise CorruptError(f"impossible header: {error}") from error
