"""Files kept from now on, and the example in docs/format.md, against a decoder written from it."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from codec.bitstream import VARIABLE, Header, pack_file, read_header, trim_file, unpack_file
from tests.codec.bitstream.plain_decoder import after_tags_plainly, decode_plainly

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
    "v3-empty": Header(MODEL_ID, 16_000, 1, 0, num_stages=6, code_bits=10, version=3),
    "v3-one-sample": Header(MODEL_ID, 8_000, 1, 1, num_stages=1, code_bits=1, version=3),
    "v3-mono": Header(MODEL_ID, 48_000, 1, 60_000, num_stages=4, code_bits=10, version=3),
    "v3-mono-two-stages": Header(
        MODEL_ID, 48_000, 1, 60_000, num_stages=2, code_bits=10, version=3
    ),
    "v3-odd": Header(
        MODEL_ID, 8_000, 1, 2_500, num_stages=3, code_bits=7, frames_per_chunk=7, version=3
    ),
    "v3-stereo-tags": Header(
        MODEL_ID,
        44_100,
        2,
        33_333,
        num_stages=2,
        code_bits=5,
        model_sample_rate=24_000,
        hop=256,
        frames_per_chunk=20,
        version=3,
        tags=(("artist", "Zoë"), ("date", "2026"), ("title", "茶")),
    ),
    "v3-many-stages": Header(
        MODEL_ID, 16_000, 3, 8_000, num_stages=64, code_bits=12, frames_per_chunk=20, version=3
    ),
    "v3-many-channels": Header(
        MODEL_ID, 11_025, 255, 2_000, num_stages=1, code_bits=3, frames_per_chunk=4, version=3
    ),
}


def codes_of(header: Header) -> np.ndarray:
    """The codes in every golden file but a trimmed one of version 3. Shape: [C, Q, F]."""
    varies = header.version == VARIABLE and header.num_frames > 0
    counts = stages_of(header) if varies else np.zeros((1, 1), int)
    stages = counts.max() if varies else 1 if header.version == VARIABLE else header.num_stages
    channel, stage, frame = np.ogrid[: header.num_channels, :stages, : header.num_frames]
    mixed = (channel * 7_919 + stage * 104_729 + frame * 1_299_709 + 12_345) * 2_654_435_761
    codes = (mixed >> 7) % (1 << header.code_bits)
    return np.where(stage < counts[:, None], codes, -1) if varies else codes


def stages_of(header: Header) -> np.ndarray:
    """Stages of each frame in golden files of version 3, up to twice Q. Shape: [C, F]."""
    channel, frame = np.ogrid[: header.num_channels, : header.num_frames]
    group = frame // header.frames_per_chunk * 1_000 + frame % header.frames_per_chunk // 2
    mixed = (channel * 7_919 + group * 104_729 + 12_345) * 2_654_435_761
    return 1 + (mixed >> 9) % min(64, 2 * header.num_stages)


def kept(header: Header, num_stages: int, of: int) -> np.ndarray:
    """Codes of a golden file of version 3 trimmed by docs/format.md. Shape: [C, Q, F]."""
    full = replace(header, num_stages=of)
    counts = stages_of(full)
    for start in range(0, header.num_frames, header.frames_per_chunk):
        chunk = counts[:, start : start + header.frames_per_chunk]
        most = chunk.sum() * num_stages // of
        cuts = [np.maximum(1, chunk - cut) for cut in range(65)]
        cut = next(cut for cut in range(64) if cuts[cut].sum() <= most or cuts[cut].max() == 1)
        left, stopped = most - cuts[cut].sum(), cut == 0
        places = [(c, f) for c in range(len(chunk)) for f in range(0, chunk.shape[1], 2)]
        for c, f in sorted(places, key=lambda place: (-chunk[place], place)):
            frames = slice(f, f + 2)
            if cut and cuts[cut - 1][c, f] > cuts[cut][c, f] and not stopped:
                stopped = len(chunk[c, frames]) > left
                if not stopped:
                    cuts[cut][c, frames] += 1
                    left -= len(chunk[c, frames])
        chunk[:] = cuts[cut]
    codes = codes_of(full)[:, : counts.max()]
    return np.where(np.arange(counts.max())[:, None] < counts[:, None], codes, -1)


def expected_codes(name: str) -> np.ndarray:
    """Shape: [C, Q, F]."""
    header = GOLDEN[name]
    return kept(header, 2, of=4) if name == "v3-mono-two-stages" else codes_of(header)


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_files_unpack_and_pack_to_the_same_bytes(name: str) -> None:
    data = (FOLDER / f"{name}.nsvq").read_bytes()
    header, codes = unpack_file(data)
    assert replace(header, variable_bytes=0) == GOLDEN[name]
    np.testing.assert_array_equal(codes, expected_codes(name))
    assert pack_file(header, codes) == data
    assert len(data) == header.file_bytes


@pytest.mark.parametrize("name", GOLDEN)
def test_a_decoder_written_from_the_document_reads_golden_files(name: str) -> None:
    codes = decode_plainly((FOLDER / f"{name}.nsvq").read_bytes())
    assert codes == expected_codes(name).tolist()


def test_every_golden_file_is_tested() -> None:
    assert {path.stem for path in FOLDER.glob("*.nsvq")} == set(GOLDEN)


def test_trimming_a_golden_file_gives_the_golden_file_with_fewer_stages() -> None:
    trimmed = trim_file((FOLDER / "v1-mono.nsvq").read_bytes(), 1)
    assert trimmed == (FOLDER / "v1-mono-one-stage.nsvq").read_bytes()


def test_trimming_a_golden_file_of_version_3() -> None:
    trimmed = trim_file((FOLDER / "v3-mono.nsvq").read_bytes(), 2)
    assert trimmed == (FOLDER / "v3-mono-two-stages.nsvq").read_bytes()


def test_golden_files_of_version_3_have_every_k() -> None:
    found = {
        (FOLDER / f"{name}.nsvq").read_bytes()[46] >> 6
        for name, header in GOLDEN.items()
        if header.version == VARIABLE and header.num_frames and not header.tags
    }
    tagged = (FOLDER / "v3-stereo-tags.nsvq").read_bytes()
    assert found | {tagged[after_tags_plainly(tagged) + 6] >> 6} == {0, 1, 2, 3}


def test_the_example_in_the_document() -> None:
    whole, chunk, growing, variable, cut = (_bytes_of(block) for block in _hex_blocks())
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
    header, codes = unpack_file(variable)
    assert (header.version, header.num_stages) == (VARIABLE, 2)
    assert codes.tolist() == [[[1, 2, 3], [4, 5, -1]]] == decode_plainly(variable)
    trimmed = trim_file(variable, 1)
    assert trimmed[40:] == cut
    assert trimmed[36:40].hex(" ") in DOCUMENT.read_text(encoding="utf-8")
    assert unpack_file(trimmed)[1].tolist() == [[[1, 2, 3]]]


def _hex_blocks() -> list[str]:
    return re.findall(r"```hex\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)


def _bytes_of(block: str) -> bytes:
    return bytes.fromhex(" ".join(line.split("  ")[0] for line in block.splitlines()))
