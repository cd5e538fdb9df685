"""How far a small .nsvq file can expand: `tests/fuzz/expansion.py [BYTES [CHECKPOINT [VERSION]]]`.

A code stands for `hop` samples at the network's rate, and the source's rate may be 48 times that.
The worst file has one stage, one channel and one chunk, or the longest ones; it is made, decoded
and measured here. In version 3 each group's number of stages takes a bit more.
"""

import io
import resource
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from codec import Codec
from codec.bitstream import (
    HEADER_BYTES,
    VARIABLE,
    VERSION,
    Header,
    pack_file,
    variable_bits,
    variable_frames_per_chunk,
)
from codec.bitstream.chunks import PREFIX_BYTES
from codec.bitstream.stage_counts import GROUP
from codec.files import decompress_file

HIGHEST_RATE = 768_000


def worst_file(codec: Codec, num_bytes: int, version: int = VERSION) -> bytes:
    """The file of at most so many bytes that decodes into the most samples."""
    config = codec.config
    frames = min((num_bytes - HEADER_BYTES - PREFIX_BYTES) * 8 // config.code_bits, 65_535)
    longest = frames
    if version == VARIABLE:
        longest = variable_frames_per_chunk(1e9, 1, config.code_bits)
    header = Header(
        codec.model_id,
        HIGHEST_RATE,
        1,
        0,
        1,
        config.code_bits,
        config.sample_rate,
        config.hop,
        longest,
        version,
    )
    step = config.hop * HIGHEST_RATE // config.sample_rate
    while least_bytes(header := replace(header, num_samples=(frames - 1) * step)) > num_bytes:
        frames -= 1
    rng = np.random.default_rng(0)
    codes = rng.integers(0, config.codebook_size, (1, 1, header.num_frames))
    return pack_file(header, codes)


def least_bytes(header: Header) -> int:
    """Length of the file if all frames have `num_stages` stages; of version 3 too."""
    if header.version != VARIABLE:
        return header.file_bytes
    shape = header.num_channels, header.num_stages
    full, rest = divmod(header.num_frames, header.frames_per_chunk)
    total = HEADER_BYTES
    for count, frames in ((full, header.frames_per_chunk), (1, rest)):
        if count and frames:
            counts = np.full((shape[0], -(-frames // GROUP)), shape[1])
            payload = -(-variable_bits(counts, frames, header.code_bits) // 8)
            total += count * (PREFIX_BYTES + payload)
    return total


def main(num_bytes: int = 1_000, checkpoint: str = "default", version: int = VERSION) -> None:
    """Make it, decode it into a wav, tell sizes and memory."""
    codec = Codec.load(checkpoint)
    decompress_file(codec, io.BytesIO(worst_file(codec, 100, version)), io.BytesIO())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    data = worst_file(codec, num_bytes, version)
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "worst.wav")
        decompress_file(codec, io.BytesIO(data), target)
        written = target.stat().st_size
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(
        f"{len(data)} bytes -> {written:,} bytes of wav ({written / len(data):,.0f} times), "
        f"peak memory grew by {grown:.0f} MiB"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]), *sys.argv[2:3], *map(int, sys.argv[3:4]))
