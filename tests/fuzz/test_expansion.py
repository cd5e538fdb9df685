"""The figure of `docs/robustness.md`: nothing expands further than the worst file that is known."""

import importlib
import io
from pathlib import Path
from typing import Any

import pytest
import soundfile

from codec.bitstream import Header, read_header
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


def test_the_worst_file_of_a_hundred_bytes(expansion: Any, codec: Any, tmp_path: Path) -> None:
    data = expansion.worst_file(codec, 100)
    target = tmp_path / "worst.wav"
    decompress_file(codec, io.BytesIO(data), target)
    assert soundfile.info(target).frames == read_header(data).num_samples
    assert target.stat().st_size > 20_000 * len(data)
