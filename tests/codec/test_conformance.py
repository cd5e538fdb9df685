"""Conformance vectors: made, checked, and telling where an installation goes another way."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from codec import BitstreamError, Codec, ModelMismatchError
from codec.audio import to_pcm16
from codec.catalog import FOLDER, describe_checkpoint, find_checkpoint
from codec.conformance import (
    INDEX,
    SHAPES,
    Shape,
    Verdict,
    check_vectors,
    failing,
    make_vectors,
    read_index,
    signal,
)
from tests.codec.conftest import save_toy

SHIPPED = FOLDER / "conformance"


@pytest.fixture(scope="module")
def vectors(toy: Codec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vectors")
    make_vectors(toy, folder)
    return folder


def by_name(verdicts: list[Verdict]) -> dict[str, Verdict]:
    return {verdict.name: verdict for verdict in verdicts}


def test_an_installation_agrees_with_itself(toy: Codec, vectors: Path) -> None:
    verdicts = check_vectors(toy, vectors)
    assert [verdict.name for verdict in verdicts] == [shape.name for shape in SHAPES]
    assert len(verdicts) == len(SHAPES)
    assert not failing(verdicts)
    assert all(verdict.differing_codes == 0 for verdict in verdicts)
    assert sum(verdict.num_codes for verdict in verdicts) > 1_000


def test_vectors_made_again_are_the_same(toy: Codec, vectors: Path, tmp_path: Path) -> None:
    for path in make_vectors(toy, tmp_path):
        assert path.read_bytes() == (vectors / path.name).read_bytes()


def test_signals_are_sixteen_bit_and_neither_silent_nor_clipped() -> None:
    for shape in SHAPES:
        wave = signal(shape)
        assert wave.shape == (shape.num_channels, shape.num_samples)
        np.testing.assert_array_equal(to_pcm16(wave) / np.float32(32_768), wave)
        if shape.num_samples > 1:
            assert 0.02 < wave.std() < 0.5
            assert np.abs(wave).max() < 0.99
    first, second = signal(Shape("two", 2, 16_000, 5_000, 1.0))
    assert np.abs(first - second).max() > 0.01


def test_other_weights_are_refused_and_by_force_differ(
    toy: Codec, vectors: Path, tmp_path: Path
) -> None:
    other = Codec.load(save_toy(tmp_path / "other.safetensors", 1))
    with pytest.raises(ModelMismatchError, match="vectors of model"):
        check_vectors(other, vectors)
    other.model_id = toy.model_id
    verdicts = by_name(check_vectors(other, vectors))
    assert verdicts["highest"].differing_codes > 0.5 * verdicts["highest"].num_codes
    assert verdicts["highest"].sample_steps > 100
    assert verdicts["empty"].passes
    assert len(failing(list(verdicts.values()))) >= 9


def test_damaged_vectors_fail_by_name(toy: Codec, vectors: Path, tmp_path: Path) -> None:
    for path in vectors.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "lowest.nsvq").write_bytes(b"NSVQ")
    (tmp_path / "half.nsvq").write_bytes((tmp_path / "highest.nsvq").read_bytes())
    (tmp_path / "stereo.flac").unlink()
    wave, rate = soundfile.read(tmp_path / "highest.flac", dtype="int16")
    wave[100] += 5
    soundfile.write(tmp_path / "highest.flac", wave, rate)
    soundfile.write(tmp_path / "slow.flac", np.zeros((10, 3)), 11_025)
    verdicts = by_name(check_vectors(toy, tmp_path))
    assert {verdict.name for verdict in failing(list(verdicts.values()))} == {
        "lowest", "half", "stereo", "highest", "slow",
    }  # fmt: skip
    assert "truncated" in verdicts["lowest"].problem
    assert verdicts["half"].problem == "codes are read otherwise"
    assert "no such file" in verdicts["stereo"].problem
    assert verdicts["highest"].sample_steps == 5.0
    assert verdicts["slow"].sample_steps == float("inf")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "nsvq-conformance-2"}'])
def test_an_index_that_is_none(text: str, tmp_path: Path) -> None:
    with pytest.raises(BitstreamError, match="holds no"):
        read_index(tmp_path)
    (tmp_path / INDEX).write_text(text)
    with pytest.raises(BitstreamError):
        read_index(tmp_path)


def test_the_shipped_vectors_are_sound() -> None:
    index = json.loads((SHIPPED / INDEX).read_text())
    assert len(index["vectors"]) == len(SHAPES)
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) < 500_000


def test_the_shipped_checkpoint_agrees_with_the_shipped_vectors() -> None:
    found = describe_checkpoint(find_checkpoint()).model_id.hex()
    if read_index(SHIPPED)["model_id"] != found:
        pytest.skip("vectors of other weights; `nsvq conformance --make DIR -f` makes new ones")
    verdicts = check_vectors(Codec.load(), SHIPPED)
    assert not failing(verdicts), failing(verdicts)
