"""How far a small .nsvq file can expand: `python tests/fuzz/expansion.py [BYTES] [CHECKPOINT]`.

A code stands for `hop` samples at the network's rate, and the source's rate may be 48 times that.
The worst file has one stage, one channel and one chunk; it is made, decoded and measured here.
"""

import io
import resource
import sys
import tempfile
from pathlib import Path

import numpy as np

from codec import Codec
from codec.bitstream import HEADER_BYTES, Header, pack_file
from codec.bitstream.chunks import PREFIX_BYTES
from codec.files import decompress_file

HIGHEST_RATE = 768_000


def worst_file(codec: Codec, num_bytes: int) -> bytes:
    """The file of at most so many bytes that decodes into the most samples."""
    config = codec.config
    frames = (num_bytes - HEADER_BYTES - PREFIX_BYTES) * 8 // config.code_bits
    spaces = min(frames, 65_535) - 1
    header = Header(
        codec.model_id,
        HIGHEST_RATE,
        1,
        spaces * config.hop * HIGHEST_RATE // config.sample_rate,
        1,
        config.code_bits,
        config.sample_rate,
        config.hop,
        spaces + 1,
    )
    rng = np.random.default_rng(0)
    codes = rng.integers(0, config.codebook_size, (1, 1, header.num_frames))
    return pack_file(header, codes)


def main(num_bytes: int = 1_000, checkpoint: str = "default") -> None:
    """Make it, decode it into a wav, tell sizes and memory."""
    codec = Codec.load(checkpoint)
    decompress_file(codec, io.BytesIO(worst_file(codec, 100)), io.BytesIO())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    data = worst_file(codec, num_bytes)
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
    main(*map(int, sys.argv[1:2]), *sys.argv[2:3])
