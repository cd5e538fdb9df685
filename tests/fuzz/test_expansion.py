"""The figure of `docs/robustness.md`: nothing expands further than the worst file that is known."""

import importlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from codec.bitstream import VARIABLE, FileReader, Header, pack_file, read_header, unpack_file
from codec.errors import BitstreamError
from codec.files import decompress_file

HERE = Path(__file__).parent


@pytest.fixture
def expansion(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(HERE)
    return importlib.import_module("expansion")


@pytest.fixture
def codec(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(HERE)
    return importlib.import_module("targets").small_codec()


def test_no_other_shape_expands_further(expansion: Any, codec: Any) -> None:
    data = expansion.worst_file(codec, 1_000)
    worst = read_header(data)
    assert 990 < len(data) <= 1_000
    step = codec.config.hop * 48
    for channels in (1, 2, 3, 8, 64, 255):
        for stages in (1, 2, 4):
            for per_chunk in (1, 10, 50, 2_000):
                for spaces in range(1, 2_000):
                    try:
                        header = Header(
                            codec.model_id, 768_000, channels, spaces * step, stages,
                            codec.config.code_bits, frames_per_chunk=per_chunk,
                        )  # fmt: skip
                    except BitstreamError:
                        break
                    if header.file_bytes > 1_000:
                        break
                    assert header.num_samples * channels <= worst.num_samples


def test_no_shape_of_version_3_expands_as_far(expansion: Any, codec: Any) -> None:
    worst = read_header(expansion.worst_file(codec, 1_000))
    data = expansion.worst_file(codec, 1_000, VARIABLE)
    varying = read_header(data)
    assert 990 < len(data) <= 1_000
    assert 0.85 * worst.num_samples < varying.num_samples < worst.num_samples
    step, code_bits = codec.config.hop * 48, codec.config.code_bits
    for channels in (1, 2, 3, 64, 255):
        for stages in (1, 2):
            for per_chunk in (1, 9, 50, 2_000):
                for spaces in range(1, 2_000, 7):
                    try:
                        header = Header(
                            codec.model_id, 768_000, channels, spaces * step, stages, code_bits,
                            frames_per_chunk=per_chunk, version=VARIABLE,
                        )  # fmt: skip
                    except BitstreamError:
                        break
                    if expansion.least_bytes(header) > 1_000:
                        break
                    assert header.num_samples * channels <= varying.num_samples


@pytest.mark.parametrize(("code_bits", "per_chunk", "most"), [(10, 780, 390), (1, 5_461, 2_710)])
def test_codes_of_version_3_take_the_memory_that_is_told(
    code_bits: int, per_chunk: int, most: int
) -> None:
    frames = 6 * per_chunk
    header = Header(
        bytes(8), 16_000, 1, (frames - 1) * 320, 1, code_bits,
        frames_per_chunk=per_chunk, version=VARIABLE,
    )  # fmt: skip
    codes = np.full((1, 64, frames), -1)
    codes[:, 0] = 1
    codes[..., :2] = 1
    data = pack_file(header, codes)
    assert 0.95 * most < unpack_file(data)[1].nbytes / len(data) < most
    assert all(chunk.nbytes < 3_000_000 for chunk in FileReader(io.BytesIO(data)).codes())


def test_the_worst_file_of_a_hundred_bytes(expansion: Any, codec: Any, tmp_path: Path) -> None:
    data = expansion.worst_file(codec, 100)
    target = tmp_path / "worst.wav"
    decompress_file(codec, io.BytesIO(data), target)
    assert soundfile.info(target).frames == read_header(data).num_samples
    assert target.stat().st_size > 20_000 * len(data)
