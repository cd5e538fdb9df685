"""Files kept from now on, and the example in docs/format.md, against a decoder written from it."""

import re
import zlib
from pathlib import Path

import numpy as np
import pytest

from codec.bitstream import Header, pack_file, read_header, trim_file, unpack_file

FOLDER = Path(__file__).parent / "golden"
DOCUMENT = Path(__file__).parents[3] / "docs" / "format.md"
MODEL_ID = bytes.fromhex("0123456789abcdef")
GOLDEN = {
    "v1-empty": Header(MODEL_ID, 16_000, 1, 0, num_stages=16, code_bits=10),
    "v1-one-sample": Header(MODEL_ID, 8_000, 1, 1, num_stages=1, code_bits=1),
    "v1-mono": Header(MODEL_ID, 48_000, 1, 60_000, num_stages=4, code_bits=10),
    "v1-mono-one-stage": Header(MODEL_ID, 48_000, 1, 60_000, num_stages=1, code_bits=10),
    "v1-stereo": Header(
        MODEL_ID,
        44_100,
        2,
        33_333,
        num_stages=3,
        code_bits=5,
        model_sample_rate=24_000,
        hop=256,
        frames_per_chunk=20,
    ),
    "v1-many-stages": Header(
        MODEL_ID, 768_000, 3, 9_999, num_stages=64, code_bits=12, frames_per_chunk=1
    ),
    "v1-many-channels": Header(
        MODEL_ID, 11_025, 255, 321, num_stages=2, code_bits=3, frames_per_chunk=2
    ),
    "v2-empty": Header(MODEL_ID, 16_000, 1, 0, num_stages=16, code_bits=10, version=2),
    "v2-mono": Header(MODEL_ID, 48_000, 1, 60_000, num_stages=4, code_bits=10, version=2),
    "v2-tags": Header(
        MODEL_ID,
        44_100,
        2,
        33_333,
        num_stages=3,
        code_bits=5,
        model_sample_rate=24_000,
        hop=256,
        frames_per_chunk=20,
        version=2,
        tags=(("artist", "Zoë"), ("date", "2026"), ("title", "茶")),
    ),
}


def codes_of(header: Header) -> np.ndarray:
    """The codes in every golden file. Shape: [C, Q, F]."""
    channel, stage, frame = np.ogrid[
        : header.num_channels, : header.num_stages, : header.num_frames
    ]
    mixed = (channel * 7_919 + stage * 104_729 + frame * 1_299_709 + 12_345) * 2_654_435_761
    return (mixed >> 7) % (1 << header.code_bits)


def decode_plainly(data: bytes) -> list[list[list[int]]]:
    """Codes [C][Q][F] by the letter of docs/format.md, without anything of this project."""

    def number(start: int, length: int) -> int:
        return int.from_bytes(data[start : start + length], "big")

    assert data[:5] in (b"NSVQ\x01", b"NSVQ\x02")
    if data[4] == 2:
        return decode_growing_plainly(data)
    assert number(36, 4) == zlib.crc32(data[:36])
    channels, stages, bits = data[5], data[6], data[7]
    samples = -(-number(28, 8) * number(20, 4) // number(16, 4))
    left = -(-samples // number(24, 2)) + 1 if samples else 0
    codes: list[list[list[int]]] = [[[] for _ in range(stages)] for _ in range(channels)]
    start, index = 40, 0
    while left:
        frames = min(left, number(26, 2))
        length = number(start, 2)
        payload = data[start + 6 : start + 6 + length]
        checked = index.to_bytes(4, "big") + data[start : start + 2] + payload
        assert number(start + 2, 4) == zlib.crc32(checked)
        add_payload(codes, payload, frames, bits)
        start, index, left = start + 6 + length, index + 1, left - frames
    assert start == len(data)
    return codes


def decode_growing_plainly(data: bytes) -> list[list[list[int]]]:
    """`decode_plainly` of version 2."""

    def number(start: int, length: int) -> int:
        return int.from_bytes(data[start : start + length], "big")

    assert number(36, 4) == zlib.crc32(data[:36])
    channels, stages, bits = data[5], data[6], data[7]
    assert number(28, 8) == 2**64 - 1
    codes: list[list[list[int]]] = [[[] for _ in range(stages)] for _ in range(channels)]
    start, index = 40, 0
    if data[start : start + 2] == b"\xff\xff":
        length = number(start + 6, 2)
        checked = b"\xff" * 4 + data[start : start + 2] + data[start + 6 : start + 8 + length]
        assert number(start + 2, 4) == zlib.crc32(checked)
        start += 8 + length
    while frames := number(start, 2):
        length = -(-stages * channels * frames * bits // 8)
        payload = data[start + 6 : start + 6 + length]
        checked = index.to_bytes(4, "big") + data[start : start + 2] + payload
        assert number(start + 2, 4) == zlib.crc32(checked)
        add_payload(codes, payload, frames, bits)
        start, index = start + 6 + length, index + 1
    checked = index.to_bytes(4, "big") + data[start : start + 2] + data[start + 6 : start + 14]
    assert number(start + 2, 4) == zlib.crc32(checked)
    samples = -(-number(start + 6, 8) * number(20, 4) // number(16, 4))
    assert len(codes[0][0]) == (-(-samples // number(24, 2)) + 1 if samples else 0)
    assert start + 14 == len(data)
    return codes


def add_payload(codes: list[list[list[int]]], payload: bytes, frames: int, bits: int) -> None:
    """Append a chunk's codes."""
    run = "".join(f"{byte:08b}" for byte in payload)
    place = 0
    for stage in range(len(codes[0])):
        for channel in codes:
            for _ in range(frames):
                channel[stage].append(int(run[place : place + bits], 2))
                place += bits
    assert not run[place:].strip("0")


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_files_unpack_and_pack_to_the_same_bytes(name: str) -> None:
    data = (FOLDER / f"{name}.nsvq").read_bytes()
    header, codes = unpack_file(data)
    assert header == GOLDEN[name]
    np.testing.assert_array_equal(codes, codes_of(header))
    assert pack_file(header, codes) == data
    assert len(data) == header.file_bytes


@pytest.mark.parametrize("name", GOLDEN)
def test_a_decoder_written_from_the_document_reads_golden_files(name: str) -> None:
    codes = decode_plainly((FOLDER / f"{name}.nsvq").read_bytes())
    assert codes == codes_of(GOLDEN[name]).tolist()


def test_every_golden_file_is_tested() -> None:
    assert {path.stem for path in FOLDER.glob("*.nsvq")} == set(GOLDEN)


def test_trimming_a_golden_file_gives_the_golden_file_with_fewer_stages() -> None:
    trimmed = trim_file((FOLDER / "v1-mono.nsvq").read_bytes(), 1)
    assert trimmed == (FOLDER / "v1-mono-one-stage.nsvq").read_bytes()


def test_the_example_in_the_document() -> None:
    whole, chunk, growing = (_bytes_of(block) for block in _hex_blocks())
    header, codes = unpack_file(whole)
    assert (header.num_model_samples, header.num_frames) == (467, 3)
    assert codes.tolist() == [[[1, 2, 3], [4, 5, 6]]] == decode_plainly(whole)
    trimmed = trim_file(whole, 1)
    assert trimmed[40:] == chunk
    assert trimmed[36:40].hex(" ") in DOCUMENT.read_text(encoding="utf-8")
    assert read_header(trimmed).num_stages == 1
    header, codes = unpack_file(growing)
    assert (header.num_samples, header.tags) == (700, (("title", "Tea"),))
    assert codes.tolist() == [[[1, 2, 3], [4, 5, 6]]] == decode_plainly(growing)


def _hex_blocks() -> list[str]:
    return re.findall(r"```hex\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)


def _bytes_of(block: str) -> bytes:
    return bytes.fromhex(" ".join(line.split("  ")[0] for line in block.splitlines()))
