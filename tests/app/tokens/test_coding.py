"""A worker's codes: those of .nsvq files, and the same when recordings are computed at once."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile

from app.tokens.recording import Recording, Settings
from app.tokens.worker import Tokenizer
from codec import Codec
from codec.backends.torch_backend import TorchBackend
from tests.app.tokens.conftest import read_rows


def test_rows_have_the_samples_of_nsvq_files(corpus: Path, nsvq: Any, tmp_path: Path) -> None:
    """With the shipped weights: the codes of each row, and the wave that they give."""
    clips = sorted(corpus.rglob("00000[0-5].wav"))
    assert nsvq("tokens", *clips, "-o", tmp_path / "tokens", "--jobs", 0).exit_code == 0
    codec, rows = Codec.load(), read_rows(tmp_path / "tokens")
    assert len(rows) == 7
    for clip in clips:
        coded = tmp_path / f"{clip.stem}.nsvq"
        assert nsvq("encode", clip, "-o", coded).exit_code == 0
        expected = Codec.codes(coded.read_bytes())
        ours = [rows[str(clip), channel] for channel in range(len(expected))]
        codes = np.array([row["codes"] for row in ours])
        np.testing.assert_array_equal(codes, expected)
        from_file, rate = codec.decompress(coded.read_bytes())
        assert (ours[0]["sample_rate"], from_file.shape[1]) == (rate, soundfile.info(clip).frames)
        assert ours[0]["seconds"] == pytest.approx(from_file.shape[1] / rate)
        if rate == codec.config.sample_rate:
            wave = codec.decode(codes, from_file.shape[1])
            np.testing.assert_array_equal(wave, from_file)


def test_every_frame_has_as_many_codes(corpus: Path, nsvq: Any, tmp_path: Path) -> None:
    """Those of a file of constant bitrate; a .nsvq file is no recording."""
    clip = min(corpus.rglob("*.wav"))
    options = ("--bitrate", 1.5)
    assert nsvq("tokens", clip, "-o", tmp_path / "t", "--jobs", 0, *options).exit_code == 0
    coded = {word: tmp_path / f"{word[2:]}.nsvq" for word in ("--vbr", "--cbr")}
    for word, target in coded.items():
        assert nsvq("encode", clip, "-o", target, word, *options).exit_code == 0
    expected = Codec.codes(coded["--cbr"].read_bytes())
    assert expected.shape[1] == 3
    rows = read_rows(tmp_path / "t")
    for channel, codes in enumerate(expected):
        np.testing.assert_array_equal(np.array(rows[str(clip), channel]["codes"]), codes)
    told = nsvq("tokens", coded["--vbr"], clip, "-o", tmp_path / "u", "--jobs", 0, *options)
    assert told.exit_code == 0, told.stderr
    (failure,) = pq.read_table(tmp_path / "u" / "failures.parquet").to_pylist()
    assert "coded already" in failure["reason"]


def test_recordings_computed_at_once(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a GPU; parts, channels and damaged files among them."""
    codec = Codec.load(backend="torch")
    tokenizer = Tokenizer(Settings("default", 16, codec.model_id.hex()))
    tokenizer._codec = codec
    paths = sorted(map(str, corpus.rglob("*.wav")))
    recordings = [Recording(path, path) for path in paths]
    recordings += [
        Recording("part", paths[0], start_s=0.01, seconds=0.03),
        Recording("channel", paths[3], channel=1),
        Recording("beyond", paths[0], start_s=9.0),
        Recording("fault", paths[0], fault="not a row"),
    ]
    alone = [tokenizer.outcome(one) for one in recordings]
    monkeypatch.setattr(TorchBackend, "together", True)
    sizes: list[int] = []
    before = TorchBackend.encode_batch

    def counting(self: TorchBackend, waves: Any, *rest: Any) -> Any:
        sizes.append(len(waves))
        return before(self, waves, *rest)

    monkeypatch.setattr(TorchBackend, "encode_batch", counting)
    together = tokenizer.outcomes(recordings)
    assert max(sizes) > 10
    for one, other in zip(together, alone, strict=True):
        assert (one.id, one.error, len(one.rows)) == (other.id, other.error, len(other.rows))
        for row, expected in zip(one.rows, other.rows, strict=True):
            assert {**row, "codes": 0} == {**expected, "codes": 0}
            assert (row["codes"] != expected["codes"]).mean() < 0.01
    assert [one.id for one in together if one.error][-2:] == ["beyond", "fault"]
