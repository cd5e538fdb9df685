"""Bytes from anywhere: a named error or a correct decode, nothing else, and little memory."""

import io
import random
import struct
import time
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

from codec.bitstream import (
    VARIABLE,
    FileReader,
    FileWriter,
    Header,
    pack_file,
    trim_file,
    unpack_file,
)
from codec.bitstream.header import pack_header
from codec.bitstream.variable import pack_variable, unpack_variable
from codec.errors import BitstreamError, CorruptError
from tests.codec.bitstream.pipes import Pipe


def some_codes(header: Header, deepest: int, seed: int = 0) -> np.ndarray:
    """Codes of version 3, 1 to `deepest` stages a group. Shape: [C, deepest, F]."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(
        0, 1 << header.code_bits, (header.num_channels, deepest, header.num_frames)
    )
    for start in range(0, header.num_frames, header.frames_per_chunk):
        for first in range(start, min(start + header.frames_per_chunk, header.num_frames), 2):
            stop = min(first + 2, start + header.frames_per_chunk)
            for channel in codes:
                channel[rng.integers(1, deepest + 1) :, first:stop] = -1
    return codes


HEADER = Header(bytes(range(8)), 22_050, 2, 4_000, num_stages=3, code_bits=5, frames_per_chunk=4)
CODES = np.random.default_rng(0).integers(0, 32, (2, 3, HEADER.num_frames))
DATA = pack_file(HEADER, CODES)
VARYING = replace(HEADER, version=VARIABLE, tags=(("artist", "Mé"), ("title", "Tea")))
VARIED = pack_file(VARYING, some_codes(VARYING, deepest=7))
MEGABYTE = 2**20

both = pytest.mark.parametrize("data", [DATA, VARIED], ids=["version 1", "version 3"])


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


def mend_all(data: bytes) -> bytes:
    """A file of version 3 with right checksums of header, tags and all chunks."""
    fixed = bytearray(mend(data))
    place = 40
    if fixed[40:42] == b"\xff\xff" and len(fixed) >= 48:
        place = 48 + int.from_bytes(fixed[46:48], "big")
        checksum = zlib.crc32(b"\xff" * 6 + bytes(fixed[46:place]))
        fixed[42:46] = struct.pack(">I", checksum)
    index = 0
    while len(fixed) >= place + 6:
        label = bytes(fixed[place : place + 2])
        stop = place + 6 + int.from_bytes(label, "big")
        checked = struct.pack(">I", index) + label + bytes(fixed[place + 6 : stop])
        fixed[place + 2 : place + 6] = struct.pack(">I", zlib.crc32(checked))
        place, index = stop, index + 1
    return bytes(fixed)


def with_payload(header: Header, payload: bytes) -> bytes:
    """A file of one chunk with any payload behind a right checksum."""
    label = struct.pack(">H", len(payload))
    checksum = zlib.crc32(bytes(4) + label + payload)
    return pack_header(header) + label + struct.pack(">I", checksum) + payload


@both
def test_every_flipped_bit_is_noticed(data: bytes) -> None:
    for bit in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BitstreamError):
            unpack_file(bytes(flipped))
        with pytest.raises(BitstreamError):
            list(FileReader(Pipe(flipped)).codes())


@both
def test_every_truncation_is_noticed(data: bytes) -> None:
    for length in range(len(data)):
        with pytest.raises(CorruptError):
            unpack_file(data[:length])
        for source in (io.BytesIO, Pipe):
            with pytest.raises(CorruptError):
                list(FileReader(source(data[:length])).codes())


@both
def test_ten_thousand_random_byte_strings(data: bytes) -> None:
    source = random.Random(1)
    starts = [b"", b"NSVQ", data[:5], data[:36], data[:40]]
    for index in range(10_000):
        found = starts[index % len(starts)] + source.randbytes(source.randrange(200))
        assert not survives(mend(found) if index % 3 == 0 else found)


@both
def test_ten_thousand_mutations_of_a_file(data: bytes) -> None:
    source = random.Random(2)
    for _ in range(10_000):
        mutated = mutate(source, data)
        assert survives(mutated) == (mutated == data)


@both
def test_ten_thousand_mutations_behind_a_right_header_checksum(data: bytes) -> None:
    source = random.Random(3)
    survivors = sum(survives(mend(mutate(source, data))) for _ in range(10_000))
    assert survivors > 0  # another sample rate, another model: sound files of something else


def test_ten_thousand_mutations_behind_right_checksums_of_chunks() -> None:
    source, changed = random.Random(4), 0
    for _ in range(10_000):
        data = mend_all(mutate(source, VARIED))
        changed += survives(data) and data != VARIED
    assert 500 < changed < 9_500  # other codes are a sound file, most other numbers are none


def test_ten_thousand_random_payloads_behind_right_checksums() -> None:
    source, sound = random.Random(5), 0
    for _ in range(10_000):
        frames = source.randint(2, 5)
        header = Header(bytes(8), 16_000, source.randint(1, 2), 320 * (frames - 1), 2, 1, version=3)
        start = source.choice([b"", b"", b"\0", b"\1", b"\0\0"])  # few stages, that many bits
        sound += survives(with_payload(header, start + source.randbytes(source.randrange(1, 6))))
    assert 20 < sound < 5_000


def test_of_all_payloads_of_two_bytes_only_those_that_are_written_are_read() -> None:
    """Two frames of 1 to 4 one-bit codes: 4 + 16 + 64 + 256 of the 65,536."""
    sound = 0
    for number in range(65_536):
        payload = number.to_bytes(2, "big")
        try:
            codes = unpack_variable(payload, num_channels=1, num_frames=2, code_bits=1)
        except CorruptError:
            continue
        assert pack_variable(codes, 1) == payload
        sound += 1
    assert sound == 4 + 16 + 64 + 256


@given(st.binary(max_size=300))
@settings(max_examples=100, deadline=None)
def test_any_bytes(data: bytes) -> None:
    survives(data)
    for one in (DATA, VARIED):
        survives(mend(one[:5] + data))
        survives(mend_all(one[:5] + data))


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


def bits(text: str) -> bytes:
    """Bytes of bits written as text, filled up with zeros."""
    text = text.replace(" ", "")
    return bytes(int(text[start : start + 8].ljust(8, "0"), 2) for start in range(0, len(text), 8))


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ("00 000000", "cut off"),
        ("00 000000 11111111", "cut off"),  # a change that doesn't end
        ("11 000000 11111110", "cut off"),  # or lacks its lowest bits
        ("11 000000 11111101", "out of range"),  # or some of them
        ("00 000011 0 0000000", "length doesn't fit"),  # 12 codes
        ("00 000000 0 000 0000 0000 0000", "length doesn't fit"),  # a byte too many
        ("00 000000 0 000 1", "length doesn't fit"),  # padding
        ("01 000000 0 0 000", "wrong k"),
        ("11 000000 0 000 000", "wrong k"),
        ("00 000000 110 000", "out of range"),  # one stage less one
        ("00 111111 10 000", "out of range"),  # 64 stages and one more
        ("01 000000 11110 1 000", "wrong k"),  # five more stages take less with k = 2
    ],
)
def test_payloads_that_no_writer_makes(payload: str, message: str) -> None:
    header = Header(bytes(8), 16_000, 1, 640, num_stages=1, code_bits=1, version=3)
    assert header.num_frames == 3
    data = with_payload(header, bits(payload))
    for read in (unpack_file, lambda data: list(FileReader(Pipe(data)).payloads())):
        with pytest.raises(CorruptError, match=f"chunk 0 of 1: its .*{message}"):
            read(data)


def test_the_payload_of_the_least_file() -> None:
    header = Header(bytes(8), 16_000, 1, 640, num_stages=1, code_bits=1, version=3)
    assert unpack_file(with_payload(header, bits("00 000000 0 101")))[1].tolist() == [[[1, 0, 1]]]


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
    claims += [
        replace(header, version=VARIABLE, frames_per_chunk=min(header.frames_per_chunk, 700))
        for header in claims
    ]
    for header in claims:
        data = pack_header(header) + (VARIED if header.version == VARIABLE else DATA)[40:]
        with peak_below(MEGABYTE), pytest.raises(CorruptError):
            unpack_file(data)
        with peak_below(MEGABYTE), pytest.raises(CorruptError):
            list(FileReader(io.BytesIO(data)).codes())
        with peak_below(MEGABYTE), pytest.raises(CorruptError):
            trim_file(data, 1)


@pytest.mark.parametrize("run", ["ones", "ones and a zero", "zeros"])
def test_long_runs_take_no_memory_or_time(run: str) -> None:
    """Payloads as long as they may be, of one change without an end or with one, or of none."""
    most = 65_534
    payload = {"ones": b"\xff" * most, "zeros": bytes(most)}.get(
        run, b"\xff" * (most - 1) + b"\xfe"
    )
    for channels, code_bits in ((1, 10), (1, 1), (255, 1), (255, 12)):
        per_chunk = min(most * 8 // (channels * (64 * code_bits + 32)), 65_535)
        header = Header(
            bytes(8), 16_000, channels, 2**40, 1, code_bits, frames_per_chunk=per_chunk, version=3
        )
        started = time.process_time()
        with peak_below(4 * MEGABYTE), pytest.raises(CorruptError):
            for _ in FileReader(io.BytesIO(with_payload(header, payload) * 2)).codes():
                pass
        header = replace(header, num_samples=(per_chunk - 1) * 320)
        with peak_below(4 * MEGABYTE), pytest.raises(CorruptError):
            unpack_file(with_payload(header, payload))
        assert time.process_time() - started < 2.0


@pytest.mark.parametrize("code_bits", [1, 10])
def test_a_chunk_with_one_deep_group_takes_little_memory(code_bits: int) -> None:
    """The worst of what a few bytes can ask for: an array with 64 places for every frame."""
    frames = 65_534 * 8 // (64 * code_bits + 32)
    header = Header(
        bytes(8), 16_000, 1, (frames - 1) * 320, 1, code_bits, frames_per_chunk=frames, version=3
    )
    with pytest.raises(BitstreamError, match="frames_per_chunk"):
        replace(header, frames_per_chunk=frames + 1)
    codes = np.full((1, 64, frames), -1)
    codes[:, 0] = 1
    codes[..., :2] = 1
    data = pack_file(header, codes)
    assert len(data) < 1_300
    with peak_below(8 * MEGABYTE):
        for found in FileReader(io.BytesIO(data)).codes():
            assert found.shape == codes.shape


def test_a_full_chunk_of_the_deepest_frames_fits() -> None:
    for channels, code_bits in ((1, 12), (1, 1), (7, 10), (255, 12), (255, 1)):
        frames = 65_534 * 8 // (channels * (64 * code_bits + 32))
        header = Header(
            bytes(8), 16_000, channels, (frames - 1) * 320, 1, code_bits,
            frames_per_chunk=frames, version=3,
        )  # fmt: skip
        codes = np.zeros((channels, 64, frames), np.int64)
        assert unpack_file(pack_file(header, codes))[1].shape == codes.shape
        codes[:, 1:, np.arange(frames) % 4 >= 2] = -1  # the changes that cost most
        assert unpack_file(pack_file(header, codes))[1].shape == codes.shape


@pytest.mark.parametrize("version", [1, 3])
def test_an_hour_is_written_and_read_in_bounded_memory(tmp_path: Path, version: int) -> None:
    header = Header(bytes(8), 16_000, 1, 3_600 * 16_000, num_stages=4, code_bits=10)
    path = tmp_path / "hour.nsvq"
    block = np.random.default_rng(0).integers(0, 1_024, (1, 4, 5_000))
    if version == VARIABLE:
        header = replace(header, version=VARIABLE, frames_per_chunk=200)
        block = some_codes(replace(header, num_samples=4_999 * 320), deepest=4)
    with peak_below(2 * MEGABYTE):
        with path.open("wb") as file:
            writer = FileWriter(file, header)
            for start in range(0, header.num_frames, 5_000):
                writer.write(block[..., : header.num_frames - start])
            writer.finish(header.num_samples)
        with path.open("rb") as file:
            frames = sum(codes.shape[-1] for codes in FileReader(file).codes())
    assert frames == header.num_frames
