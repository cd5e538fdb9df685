"""Version 3: frames with different numbers of stages go in and come out; fewer of them."""

import io
from dataclasses import replace

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
    read_header,
    trim_file,
    unpack_file,
    variable_bits,
    variable_frames_per_chunk,
)
from codec.bitstream.stage_counts import counts_bits, pack_counts, unpack_counts
from codec.bitstream.variable import with_fewer
from codec.errors import BitstreamError, ConfigError, CorruptError
from tests.codec.bitstream.pipes import Pipe

HEADER = Header(bytes(8), 16_000, 1, 5 * 320, 2, 3, frames_per_chunk=4, version=VARIABLE)


RATES = [1_000, 8_000, 11_025, 44_100, 48_000, 768_000]


@st.composite
def headers(draw: st.DrawFn) -> Header:
    """Small files of every kind."""
    channels, code_bits = draw(st.integers(1, 5)), draw(st.integers(1, 12))
    rate = draw(st.sampled_from(RATES))
    words = st.text(min_size=1, max_size=20).filter(lambda t: t.isprintable() and t.strip())
    tags = draw(st.dictionaries(st.sampled_from(["artist", "title"]), words, max_size=2))
    most = 65_534 * 8 // (channels * (64 * code_bits + 32))
    return Header(
        draw(st.binary(min_size=8, max_size=8)),
        sample_rate=rate,
        num_channels=channels,
        num_samples=draw(st.integers(0, 60 * rate // 50)),
        num_stages=draw(st.integers(1, 64)),
        code_bits=code_bits,
        model_sample_rate=draw(st.sampled_from([8_000, 16_000, 24_000])),
        hop=draw(st.integers(100, 2_000)),
        frames_per_chunk=draw(st.integers(1, min(60, most))),
        version=VARIABLE,
        tags=tuple(sorted(tags.items())),
    )


@st.composite
def files(draw: st.DrawFn) -> tuple[Header, np.ndarray]:
    """Headers with codes; the numbers of stages stay, wander or jump."""
    header = draw(headers())
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    deepest, step = draw(st.integers(1, 64)), draw(st.sampled_from([0, 1, 3, 64]))
    per_chunk, frames = header.frames_per_chunk, np.arange(header.num_frames)
    groups = frames // per_chunk * (per_chunk + 1) + frames % per_chunk // 2
    num_groups = groups.max(initial=0) + 1
    counts = rng.integers(1, deepest + 1, (header.num_channels, 1))
    counts = counts + rng.integers(-step, step + 1, (header.num_channels, num_groups)).cumsum(1)
    counts = 1 + np.abs(counts - 1) % deepest
    return header, codes_with(rng, counts[:, groups], header.code_bits)


def codes_with(rng: np.random.Generator, counts: np.ndarray, code_bits: int) -> np.ndarray:
    """Shape: counts [C, F] -> codes [C, Q, F], -1 where there is none."""
    deepest = counts.max(initial=1)
    codes = rng.integers(0, 1 << code_bits, (len(counts), deepest, counts.shape[1]))
    return np.where(np.arange(deepest)[:, None] < counts[:, None], codes, -1)


@given(files())
@settings(max_examples=80, deadline=None)
def test_what_is_packed_is_unpacked(file: tuple[Header, np.ndarray]) -> None:
    header, codes = file
    data = pack_file(header, codes)
    found, unpacked = unpack_file(data)
    assert replace(found, variable_bytes=0) == header
    assert found.file_bytes == len(data)
    assert read_header(data) == found
    np.testing.assert_array_equal(unpacked, codes)
    for source in (io.BytesIO, Pipe):
        reader = FileReader(source(data))
        assert reader.header == found
        start = 0
        for chunk in reader.codes():
            part = codes[..., start : start + chunk.shape[2]]
            np.testing.assert_array_equal(part[:, : chunk.shape[1]], chunk)
            assert (part[:, chunk.shape[1] :] == -1).all()
            start += chunk.shape[2]
        assert start == header.num_frames


@given(files(), st.lists(st.integers(1, 70)))
@settings(max_examples=60, deadline=None)
def test_the_writer_does_not_mind_how_frames_come(
    file: tuple[Header, np.ndarray], sizes: list[int]
) -> None:
    header, codes = file
    written = io.BytesIO()
    writer = FileWriter(written, replace(header, num_samples=0))
    start = 0
    for size in [*sizes, max(0, header.num_frames - sum(sizes))]:
        part = codes[..., start : start + size]
        deepest = max(1, int((part >= 0).sum(1).max(initial=1)))
        writer.write(part[:, :deepest])
        start += size
    found = writer.finish(header.num_samples)
    assert written.getvalue() == pack_file(header, codes)
    assert found == read_header(written.getvalue())


@given(files(), st.integers(1, 64))
@settings(max_examples=60, deadline=None)
def test_trimming_takes_stages_of_all_frames_alike(
    file: tuple[Header, np.ndarray], num_stages: int
) -> None:
    header, codes = file
    num_stages = min(num_stages, header.num_stages)
    data = pack_file(header, codes)
    trimmed = trim_file(data, num_stages)
    less, fewer = unpack_file(trimmed)
    assert replace(less, variable_bytes=0) == replace(header, num_stages=num_stages)
    assert len(trimmed) == less.file_bytes
    np.testing.assert_array_equal(unpack_file(data, num_stages)[1], fewer)
    before, after = (codes >= 0).sum(1), (fewer >= 0).sum(1)
    for start in range(0, header.num_frames, header.frames_per_chunk):
        old = before[:, start : start + header.frames_per_chunk]
        new = after[:, start : start + header.frames_per_chunk]
        most = old.sum() * num_stages // header.num_stages
        cuts = [np.maximum(1, old - cut) for cut in range(65)]
        cut = next(cut for cut in range(64) if cuts[cut].sum() <= most or cuts[cut].max() == 1)
        back = new - cuts[cut]
        assert new.sum() <= most or new.max() == 1
        assert 0 <= back.min() <= back.max() <= 1
        if back.any():
            could = cuts[cut - 1] > cuts[cut]
            assert could[back > 0].all()
            assert old[back > 0].min() >= old[could & (back == 0)].max(initial=0)
        if cut:
            assert most - new.sum() < 2 or (new == cuts[cut - 1]).all() or most < old.size
    kept = fewer >= 0
    np.testing.assert_array_equal(codes[:, : fewer.shape[1]][kept], fewer[kept])
    if num_stages == header.num_stages:
        assert trimmed == data


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 40), st.integers(1, 64))
@settings(max_examples=100, deadline=None)
def test_numbers_of_stages_take_the_bits_that_are_foretold(
    seed: int, channels: int, groups: int, deepest: int
) -> None:
    counts = np.random.default_rng(seed).integers(1, deepest + 1, (channels, groups))
    bits = pack_counts(counts)
    assert len(bits) == counts_bits(counts) <= 2 + channels * (6 + 19 * (groups - 1))
    found, place = unpack_counts(bits, channels, groups)
    np.testing.assert_array_equal(found, counts)
    assert place == len(bits)
    frames = 2 * groups - seed % 2
    codes = codes_with(np.random.default_rng(0), counts.repeat(2, 1)[:, :frames], 5)
    header = Header(
        bytes(8), 16_000, channels, max(1, 320 * (frames - 1)), 1, 5,
        frames_per_chunk=80, version=VARIABLE,
    )  # fmt: skip
    if header.num_frames == frames:  # one frame alone is none's
        data = pack_file(header, codes)
        assert len(data) == 46 + -(-variable_bits(counts, frames, 5) // 8)


@given(
    st.floats(0.01, 1_000),
    st.integers(1, 255),
    st.integers(1, 12),
    st.sampled_from([0.0, 0.001, 1.0, 4.0, 1e9]),
)
def test_chunks_are_whole_groups_that_fit(
    frame_rate: float, channels: int, code_bits: int, seconds: float
) -> None:
    frames = variable_frames_per_chunk(frame_rate, channels, code_bits, seconds)
    assert frames % 2 == 0
    replace(HEADER, num_channels=channels, code_bits=code_bits, frames_per_chunk=frames)
    assert frames <= max(2, seconds * frame_rate + 1)


def test_each_frame_keeps_its_first_stage() -> None:
    codes = np.array([[[1, 2], [3, -1], [4, -1]]])
    assert with_fewer(codes, 1, of=4).tolist() == [[[1, 2]]]
    assert with_fewer(codes, 3, of=4).tolist() == [[[1, 2], [3, -1]]]
    assert with_fewer(codes, 4, of=4).tolist() == codes.tolist()


def test_an_empty_recording_is_header_and_tags() -> None:
    header = replace(HEADER, num_samples=0, tags=(("title", "Tea"),))
    data = pack_file(header, np.zeros((1, 2, 0), int))
    assert len(data) == 40 + 8 + 11
    found, codes = unpack_file(data)
    assert (found, codes.shape) == (header, (1, 1, 0))
    assert trim_file(data, 1)[40:] == data[40:]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ([[0, 0, -1, -1, 0, 0]], "group must have as many"),
        ([[0, 0, 0, 0, 0, 0], [0, -1, 0, 0, 0, 0]], "group must have as many"),
        ([[0, 0, -1, -1, 0, 0], [0, 0, 0, 0, 0, 0]], "after a stage that isn't there"),
        ([[0, 0, 0, 0, 0, 0]] * 65, "65 stages; at most 64"),
        ([[0, 0, 0, 0, 0, 8]], "0 to 8; expected -1 to 7"),
        ([[0, 0, 0, 0, 0, -2]], "-2 to 0; expected -1 to 7"),
        ([[0.0] * 6], "float64"),
        ([], "as many stages, one at least"),
        ([[0, 0, 0, 0, 0]], "5 frames written; 1600 samples make 6"),
    ],
)
def test_codes_that_no_file_holds(columns: list[list[int]], message: str) -> None:
    codes = np.array(columns).reshape(1, len(columns), -1 if columns else 6)
    codes = codes if columns else codes.astype(int)
    with pytest.raises(BitstreamError, match=message):
        pack_file(HEADER, codes)


def test_a_length_that_differs_is_told_as_that_of_the_chunks() -> None:
    data = pack_file(HEADER, np.zeros((1, 5, 6), int))
    told = f"damaged: {len(data) + 1} bytes; the chunks take {len(data)} with header and tags"
    with pytest.raises(CorruptError, match=told):
        unpack_file(data + b"\0")


def test_codes_of_another_shape() -> None:
    codes = np.zeros((1, 2, 6), int)
    for wrong in (codes[0], codes[0, 0], codes.repeat(2, 0), codes[None]):
        with pytest.raises(BitstreamError):
            pack_file(HEADER, wrong)


def test_stages_that_a_file_was_not_coded_for() -> None:
    data = pack_file(HEADER, np.zeros((1, 5, 6), int))
    for wrong in (0, -1, 3):
        with pytest.raises(ConfigError):
            trim_file(data, wrong)
        with pytest.raises(ConfigError):
            unpack_file(data, wrong)
