"""Whole files: what goes in comes out, trimming is encoding, overhead, errors of callers."""

import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codec.bitstream import (
    HEADER_BYTES,
    FileReader,
    FileWriter,
    Header,
    default_frames_per_chunk,
    pack_file,
    read_header,
    trim_file,
    unpack_file,
)
from codec.errors import BitstreamError, ConfigError, CorruptError, VersionError

ID = bytes(range(8))


@st.composite
def headers(draw: st.DrawFn) -> Header:
    """Small files of every kind."""
    return Header(
        draw(st.binary(min_size=8, max_size=8)),
        sample_rate=draw(st.integers(1_000, 768_000)),
        num_channels=draw(st.integers(1, 4)),
        num_samples=draw(st.integers(0, 20_000)),
        num_stages=draw(st.integers(1, 20)),
        code_bits=draw(st.integers(1, 12)),
        model_sample_rate=draw(st.sampled_from([8_000, 16_000, 24_000])),
        hop=draw(st.integers(100, 2_000)),
        frames_per_chunk=draw(st.integers(1, 60)),
    )


def random_codes(header: Header, seed: int = 0) -> np.ndarray:
    shape = (header.num_channels, header.num_stages, header.num_frames)
    return np.random.default_rng(seed).integers(0, 1 << header.code_bits, shape)


@given(headers(), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_what_is_packed_is_unpacked(header: Header, seed: int) -> None:
    codes = random_codes(header, seed)
    data = pack_file(header, codes)
    assert len(data) == header.file_bytes
    assert read_header(data) == header
    found_header, found_codes = unpack_file(data)
    assert found_header == header
    np.testing.assert_array_equal(found_codes, codes)


@given(headers(), st.integers(1, 20))
@settings(max_examples=60, deadline=None)
def test_trimming_equals_packing_fewer_stages(header: Header, num_stages: int) -> None:
    num_stages = min(num_stages, header.num_stages)
    codes = random_codes(header)
    data = pack_file(header, codes)
    expected = pack_file(replace(header, num_stages=num_stages), codes[:, :num_stages])
    assert trim_file(data, num_stages) == expected
    np.testing.assert_array_equal(unpack_file(data, num_stages)[1], codes[:, :num_stages])


@given(headers(), st.lists(st.integers(1, 70)))
@settings(max_examples=50, deadline=None)
def test_the_writer_does_not_mind_how_frames_come(header: Header, sizes: list[int]) -> None:
    codes = random_codes(header)
    file = io.BytesIO()
    writer = FileWriter(file, replace(header, num_samples=0))
    start = 0
    for size in [*sizes, max(0, header.num_frames - sum(sizes))]:
        writer.write(codes[..., start : start + size])
        start += size
    assert writer.finish(header.num_samples) == header
    assert file.getvalue() == pack_file(header, codes)


def test_six_kbps_for_ten_seconds_is_within_three_percent() -> None:
    header = Header(ID, 16_000, 1, 160_000, num_stages=12, code_bits=10)
    size = len(pack_file(header, random_codes(header)))
    assert header.bitrate_kbps() == 6.0
    assert 7_500 <= size <= 7_500 * 1.03


@pytest.mark.parametrize("num_channels", [1, 2, 8, 100, 255])
def test_overhead_is_forty_bytes_a_file_and_six_a_chunk(num_channels: int) -> None:
    per_chunk = default_frames_per_chunk(50.0, num_channels, 12)
    header = Header(
        ID, 48_000, num_channels, 96_000, num_stages=64, code_bits=12, frames_per_chunk=per_chunk
    )
    codes = random_codes(header)
    overhead = len(pack_file(header, codes)) - codes.size * 12 / 8
    assert HEADER_BYTES == 40
    assert overhead <= 40 + 7 * header.num_chunks


def test_an_empty_recording_is_a_header_alone() -> None:
    header = Header(ID, 44_100, 3, 0, num_stages=16, code_bits=10)
    data = pack_file(header, random_codes(header))
    assert len(data) == HEADER_BYTES
    assert unpack_file(data)[1].shape == (3, 16, 0)
    assert trim_file(data, 2) == pack_file(replace(header, num_stages=2), np.zeros((3, 2, 0), int))


def test_bitrates_of_a_file() -> None:
    header = Header(ID, 48_000, 2, 48_000, num_stages=12, code_bits=10)
    assert header.bitrate_kbps() == 6.0
    assert header.seconds == 1.0
    assert [header.held_stages(kbps) for kbps in (0.5, 0.99, 1.0, 5.9, 6.0, 100.0)] == [
        1,
        1,
        2,
        11,
        12,
        12,
    ]
    assert header.held_stages() == 12
    for wrong in (0.4, -1.0, float("nan"), float("inf")):
        with pytest.raises(ConfigError, match="on offer"):
            header.held_stages(wrong)
    with pytest.raises(ConfigError, match="13 stages"):
        header.held_stages(num_stages=13)
    with pytest.raises(ConfigError, match="give one"):
        header.held_stages(6.0, 12)


@pytest.mark.parametrize("num_stages", [0, -1, 5])
def test_stages_that_a_file_does_not_hold(num_stages: int) -> None:
    header = Header(ID, 16_000, 1, 1_000, num_stages=4, code_bits=3)
    data = pack_file(header, random_codes(header))
    with pytest.raises(ConfigError):
        trim_file(data, num_stages)
    with pytest.raises(ConfigError):
        unpack_file(data, num_stages)


def test_callers_that_contradict_themselves() -> None:
    header = Header(ID, 16_000, 1, 1_000, num_stages=4, code_bits=3)
    codes = random_codes(header)
    for wrong in (codes[:, :3], codes[..., 1:], codes + 8, codes - 8, codes * 1.0, codes[0]):
        with pytest.raises(BitstreamError):
            pack_file(header, wrong)
    for field, value in (("num_stages", 65), ("code_bits", 13), ("model_id", b""), ("hop", 0)):
        with pytest.raises(BitstreamError, match=field):
            replace(header, **{field: value})
    with pytest.raises(BitstreamError, match="frames_per_chunk"):
        replace(header, num_channels=255, num_stages=64, frames_per_chunk=50)


def test_reading_from_a_pipe_that_gives_few_bytes_at_a_time() -> None:
    class Pipe(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(size or -1, 5))

    header = Header(ID, 16_000, 1, 40_000, num_stages=4, code_bits=7)
    codes = random_codes(header)
    reader = FileReader(Pipe(pack_file(header, codes)))
    np.testing.assert_array_equal(np.concatenate(list(reader.codes()), axis=-1), codes)


def test_messages_say_what_is_wrong() -> None:
    header = Header(ID, 16_000, 1, 40_000, num_stages=4, code_bits=7)
    data = pack_file(header, random_codes(header))
    told = f"bytes; the header says {len(data)}"
    cases = {
        b"": (CorruptError, "no data"),
        b"RIFF....WAVE": (CorruptError, "not a .nsvq file"),
        b"hello": (CorruptError, "not a .nsvq file"),
        data[:10]: (CorruptError, "truncated"),
        data[:-1]: (CorruptError, f"truncated: {len(data) - 1} {told}"),
        data + b"\0": (CorruptError, f"damaged: {len(data) + 1} {told}"),
        data[:4] + b"\4" + data[5:]: (
            VersionError,
            "version 4; this release reads versions 1 to 3",
        ),
        data[:4] + b"\2" + data[5:]: (CorruptError, "damaged header"),
        data[:60] + b"\0" + data[61:]: (CorruptError, "checksum of chunk 0 of 3"),
    }
    for damaged, (kind, message) in cases.items():
        with pytest.raises(kind, match=message):
            unpack_file(damaged)
