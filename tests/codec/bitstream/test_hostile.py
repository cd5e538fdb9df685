"""Bytes from anywhere: a named error or a correct decode, nothing else, and little memory."""

import io
import random
import struct
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codec.bitstream import FileReader, FileWriter, Header, pack_file, trim_file, unpack_file
from codec.bitstream.header import pack_header
from codec.errors import BitstreamError, CorruptError

HEADER = Header(bytes(range(8)), 22_050, 2, 4_000, num_stages=3, code_bits=5, frames_per_chunk=4)
CODES = np.random.default_rng(0).integers(0, 32, (2, 3, HEADER.num_frames))
DATA = pack_file(HEADER, CODES)
MEGABYTE = 2**20


def survives(data: bytes) -> bool:
    """Whether `data` decodes: then packing what it holds must give the same bytes."""
    try:
        header, codes = unpack_file(data)
    except BitstreamError:
        with pytest.raises(BitstreamError):
            trim_file(data, 1)
        return False
    assert pack_file(header, codes) == data
    return True


def mutate(random: random.Random, data: bytes) -> bytes:
    """One to three changes of any kind."""
    changed = bytearray(data)
    for _ in range(random.randint(1, 3)):
        start = random.randrange(len(changed) + 1)
        stop = min(len(changed), start + random.randint(0, 12))
        kind = random.randrange(6)
        if kind == 0 and changed:
            changed[start % len(changed)] ^= 1 << random.randrange(8)
        elif kind == 1:
            del changed[start:stop]
        elif kind == 2:
            changed[start:start] = random.randbytes(random.randint(1, 12))
        elif kind == 3:
            changed[start:stop] = random.randbytes(stop - start)
        elif kind == 4:
            changed[start:start] = changed[start:stop]
        else:
            del changed[start:]
    return bytes(changed)


def mend(data: bytes) -> bytes:
    """The same bytes with a header checksum that matches: damage behind a sound header."""
    if len(data) < 40:
        return data
    return data[:36] + struct.pack(">I", zlib.crc32(data[:36])) + data[40:]


def test_every_flipped_bit_is_noticed() -> None:
    for bit in range(len(DATA) * 8):
        flipped = bytearray(DATA)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BitstreamError):
            unpack_file(bytes(flipped))


def test_every_truncation_is_noticed() -> None:
    for length in range(len(DATA)):
        with pytest.raises(CorruptError):
            unpack_file(DATA[:length])
        with pytest.raises(CorruptError):
            list(FileReader(io.BytesIO(DATA[:length])).codes())


def test_ten_thousand_random_byte_strings() -> None:
    source = random.Random(1)
    starts = [b"", b"NSVQ", b"NSVQ\1", DATA[:36], DATA[:40]]
    for index in range(10_000):
        data = starts[index % len(starts)] + source.randbytes(source.randrange(200))
        assert not survives(mend(data) if index % 3 == 0 else data)


def test_ten_thousand_mutations_of_a_file() -> None:
    source = random.Random(2)
    for _ in range(10_000):
        data = mutate(source, DATA)
        assert survives(data) == (data == DATA)


def test_ten_thousand_mutations_behind_a_right_header_checksum() -> None:
    source = random.Random(3)
    survivors = sum(survives(mend(mutate(source, DATA))) for _ in range(10_000))
    assert survivors > 0  # another sample rate, another model: sound files of something else


@given(st.binary(max_size=300))
@settings(max_examples=100, deadline=None)
def test_any_bytes(data: bytes) -> None:
    survives(data)
    survives(mend(DATA[:5] + data))


def test_chunks_can_not_change_places() -> None:
    size = 6 + 2 * 3 * 4 * 5 // 8
    first, second = DATA[40 : 40 + size], DATA[40 + size : 40 + 2 * size]
    with pytest.raises(CorruptError, match="checksum of chunk 0"):
        unpack_file(DATA[:40] + second + first + DATA[40 + 2 * size :])


def test_padding_must_be_zero() -> None:
    header = Header(bytes(8), 16_000, 1, 320, num_stages=1, code_bits=3)
    data = pack_file(header, np.zeros((1, 1, 2), int))
    payload = bytes([data[-1] | 1])
    checksum = zlib.crc32(struct.pack(">IH", 0, 1) + payload)
    with pytest.raises(CorruptError, match="should be zero"):
        unpack_file(data[:42] + struct.pack(">I", checksum) + payload)


@contextmanager
def peak_below(num_bytes: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < num_bytes
    finally:
        tracemalloc.stop()


def test_claims_of_a_header_cost_no_memory() -> None:
    claims = [
        replace(HEADER, num_samples=2**42),
        replace(HEADER, num_samples=2**40, sample_rate=1_000, hop=16, frames_per_chunk=1_000),
        Header(bytes(8), 768_000, 255, 2**44, num_stages=64, code_bits=12, frames_per_chunk=2),
    ]
    for header in claims:
        data = pack_header(header) + DATA[40:]
        with peak_below(MEGABYTE), pytest.raises(CorruptError):
            unpack_file(data)
        with peak_below(MEGABYTE), pytest.raises(CorruptError):
            list(FileReader(io.BytesIO(data)).codes())
        with peak_below(MEGABYTE), pytest.raises(CorruptError):
            trim_file(data, 1)


def test_an_hour_is_written_and_read_in_bounded_memory(tmp_path: Path) -> None:
    header = Header(bytes(8), 16_000, 1, 3_600 * 16_000, num_stages=4, code_bits=10)
    path = tmp_path / "hour.nsvq"
    block = np.random.default_rng(0).integers(0, 1_024, (1, 4, 5_000))
    with peak_below(2 * MEGABYTE):
        with path.open("wb") as file:
            writer = FileWriter(file, header)
            for start in range(0, header.num_frames, 5_000):
                writer.write(block[..., : header.num_frames - start])
            writer.finish(header.num_samples)
        with path.open("rb") as file:
            frames = sum(codes.shape[-1] for codes in FileReader(file).codes())
    assert frames == header.num_frames
