"""Version 2: written without a known end, read up to where the writer was killed; tags."""

import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codec.bitstream import (
    GROWING,
    FileReader,
    FileWriter,
    Header,
    kept_tags,
    pack_file,
    read_header,
    trim_file,
    unpack_file,
)
from codec.errors import BitstreamError, CorruptError
from tests.codec.bitstream.pipes import Pipe

HEADER = Header(
    bytes(range(8)), 22_050, 2, 4_000, num_stages=3, code_bits=5, frames_per_chunk=4,
    version=GROWING, tags=(("artist", "Mé"), ("title", "Tea")),
)  # fmt: skip


def codes_of(header: Header, seed: int = 0) -> np.ndarray:
    shape = (header.num_channels, header.num_stages, header.num_frames)
    return np.random.default_rng(seed).integers(0, 1 << header.code_bits, shape)


class Grown(io.BytesIO):
    """A pipe: written to its end only; what had come by each flush is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.flushed: list[int] = []

    def seek(self, *place: int) -> int:
        raise OSError("a pipe can't seek")

    def seekable(self) -> bool:
        return False

    def flush(self) -> None:
        self.flushed.append(len(self.getvalue()))


@st.composite
def headers(draw: st.DrawFn) -> Header:
    words = st.text(min_size=1, max_size=20).filter(lambda t: t.isprintable() and t.strip())
    tags = draw(st.dictionaries(st.sampled_from(["artist", "date", "title"]), words, max_size=3))
    return Header(
        draw(st.binary(min_size=8, max_size=8)),
        sample_rate=draw(st.integers(1_000, 768_000)),
        num_channels=draw(st.integers(1, 3)),
        num_samples=draw(st.integers(0, 20_000)),
        num_stages=draw(st.integers(1, 8)),
        code_bits=draw(st.integers(1, 12)),
        hop=draw(st.integers(100, 2_000)),
        frames_per_chunk=draw(st.integers(1, 60)),
        version=GROWING,
        tags=tuple(sorted(tags.items())),
    )


@given(headers(), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_what_is_packed_is_unpacked(header: Header, seed: int) -> None:
    codes = codes_of(header, seed)
    data = pack_file(header, codes)
    assert len(data) == header.file_bytes
    assert read_header(data) == header
    found, unpacked = unpack_file(data)
    assert found == header
    np.testing.assert_array_equal(unpacked, codes)
    assert trim_file(data, 1) == pack_file(replace(header, num_stages=1), codes[:, :1])


def test_a_pipe_gets_each_chunk_as_soon_as_it_is_whole() -> None:
    pipe, codes = Grown(), codes_of(HEADER)
    writer = FileWriter(pipe, replace(HEADER, num_samples=0))
    for frame in range(codes.shape[-1]):
        writer.write(codes[..., frame : frame + 1])
        whole = (frame + 1) // 4
        assert len(pipe.flushed) == whole
    writer.finish(HEADER.num_samples)
    assert pipe.getvalue() == pack_file(HEADER, codes)


def test_a_pipe_is_read() -> None:
    codes = codes_of(HEADER)
    reader = FileReader(Pipe(pack_file(HEADER, codes)))
    assert reader.header == HEADER
    np.testing.assert_array_equal(np.concatenate(list(reader.codes()), axis=-1), codes)


@pytest.mark.parametrize("tags", [HEADER.tags, ()])
def test_a_file_cut_anywhere_gives_its_whole_chunks(tags: tuple[tuple[str, str], ...]) -> None:
    header = replace(HEADER, tags=tags)
    codes = codes_of(header)
    data = pack_file(header, codes)
    size, start = 6 + 2 * 3 * 4 * 5 // 8, len(data) - header.file_bytes + 40
    start += len(data) - len(pack_file(replace(header, tags=()), codes))
    for length in range(40, len(data)):
        with pytest.raises(CorruptError, match="truncated"):
            FileReader(io.BytesIO(data[:length]))
        reader = FileReader(io.BytesIO(data[:length]), partial=True)
        found = np.concatenate([codes[..., :0], *reader.codes()], axis=-1)
        whole = min((length - start) // size * 4, codes.shape[-1]) if length > start else 0
        whole = codes.shape[-1] if length >= len(data) - 14 else whole
        assert found.shape[-1] == reader.header.num_frames == whole
        np.testing.assert_array_equal(found, codes[..., :whole])
        assert f"lasts {reader.header.seconds:.2f} s" in reader.missing
    for length in range(40):
        with pytest.raises(CorruptError):
            FileReader(io.BytesIO(data[:length]), partial=True)


def test_every_flipped_bit_is_noticed() -> None:
    data = pack_file(HEADER, codes_of(HEADER))
    for bit in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BitstreamError):
            unpack_file(bytes(flipped))
        with pytest.raises(BitstreamError):
            trim_file(bytes(flipped), 1)


def test_bytes_after_the_end_are_refused() -> None:
    data = pack_file(HEADER, codes_of(HEADER))
    with pytest.raises(CorruptError, match="follow the end"):
        FileReader(io.BytesIO(data + b"\0"), partial=True)


def test_tags_that_no_file_holds() -> None:
    for tags in (
        (("Title", "x"),),
        (("b", "x"), ("a", "x")),
        (("a", "x"), ("a", "y")),
        (("a", ""),),
        (("a", "x\x1b[2J"),),
        (("a", "\ud800"),),
        (("a", "x" * 5_000),),
    ):
        with pytest.raises(BitstreamError):
            replace(HEADER, tags=tags)
    with pytest.raises(BitstreamError, match="version 1 holds no tags"):
        replace(HEADER, version=1)


@given(st.dictionaries(st.text(max_size=8) | st.just("title"), st.text(max_size=900), max_size=12))
@settings(max_examples=100, deadline=None)
def test_any_tags_found_can_be_kept(found: dict[str, str]) -> None:
    header = replace(HEADER, tags=kept_tags(found), num_samples=0)
    assert unpack_file(pack_file(header, codes_of(header)))[0] == header
