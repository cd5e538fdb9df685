"""Files whose frames have more stages than the model: a named error, with each backend."""

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from codec import Codec
from codec.bitstream import pack_file
from codec.bitstream.stage_counts import GROUP
from codec.errors import BitstreamError, ModelMismatchError
from codec.files import decompress_file


@pytest.fixture(params=["numpy", "torch"])
def codec(request: pytest.FixtureRequest, toy_checkpoint: Path) -> Codec:
    return Codec.load(toy_checkpoint, backend=request.param)


def deep_file(codec: Codec, num_stages: int) -> bytes:
    """Of variable bitrate; one stage in each frame but the last group, which has `num_stages`."""
    header = replace(codec.header(16_000, 1, 2, vbr=True), num_samples=9_600)
    codes = np.full((1, num_stages, header.num_frames), -1)
    codes[:, 0] = 1
    codes[..., (header.num_frames - 1) // GROUP * GROUP :] = 2
    return pack_file(header, codes)


def test_as_many_as_the_model_has_are_decoded(codec: Codec) -> None:
    wave, _ = codec.decompress(deep_file(codec, codec.config.num_stages))
    assert wave.shape == (1, 9_600)


@pytest.mark.parametrize("more", [1, 60])
def test_more_than_the_model_has_are_refused(codec: Codec, more: int, tmp_path: Path) -> None:
    most = codec.config.num_stages
    data = deep_file(codec, most + more)
    with pytest.raises(ModelMismatchError, match=f"{most + more} stages.*has {most}$"):
        codec.decompress(data)
    with pytest.raises(ModelMismatchError, match=r"has \d+ stages"):
        decompress_file(codec, BytesIO(data), tmp_path / "deep.wav")
    assert not list(tmp_path.iterdir())
    with pytest.raises(BitstreamError, match=f"Q from 1 to {most}"):
        codec.decode(codec.codes(data))


def test_fewer_stages_of_such_a_file_are_decoded(codec: Codec) -> None:
    data = deep_file(codec, codec.config.num_stages + 1)
    wave, _ = codec.decompress(data, num_stages=1)
    assert wave.shape == (1, 9_600)
