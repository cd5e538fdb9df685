"""Codecs that ran elsewhere, scores and peers of one's own, and what is said of both."""

import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from codec.audio import write_audio
from codec.errors import EvaluationError
from training.evaluation.clips import find_clips, read_reference
from training.evaluation.jobs.rows import Row
from training.evaluation.metrics.registry import METRICS
from training.evaluation.report.readme_curve import curve_markdown
from training.evaluation.report.relatives import learners, legend
from training.evaluation.session import Session, Settings
from training.evaluation.statistics.results import gather
from training.evaluation.systems.folders import DecodedFolder, parse_decoded
from training.evaluation.systems.peers import PEERS, parse_peer

PLUGIN = """
from training.evaluation.systems.peers import Peer

COPY = Peer("cp {in} {code}", "cp {code} {out}", rates_kbps=(256.0,))
NUMBER = 3


def loudness(reference, decoded, sample_rate):
    return float(abs(decoded.astype(float)).mean())
"""


@pytest.fixture
def corpus(tmp_path, clips):
    """Three recordings as CORPUS/SPEAKER/CLIP, two of them decoded 5 ms late in a flat folder."""
    data, decoded = tmp_path / "data", tmp_path / "decoded"
    decoded.mkdir()
    for index, path in enumerate(clips[:3]):
        (data / "corpus" / path.stem).mkdir(parents=True)
        shutil.copy(path, data / "corpus" / path.stem)
        if index < 2:
            wave = read_reference(find_clips(path)[0])[None] / np.float32(32_768)
            write_audio(decoded / f"{path.stem}.wav", np.pad(wave, ((0, 0), (80, 0))), 16_000)
    return data, decoded


def settings(data: Path, **changes) -> Settings:
    return Settings(data=data, checkpoints=(), num_processes=0, cache=data.parent / "c",
                    **{"metrics": ("lsd",), **changes})  # fmt: skip


def test_a_decoded_folder_is_scored_at_its_bitrate_and_what_lacks_is_told(corpus):
    data, decoded = corpus
    session = Session(settings(data, decoded=(parse_decoded(f"late@6.4={decoded}"),)))
    assert session.notices == ["late 6.4 is decoded for 2 of 3 clips"]
    results = session.run()
    assert [row.kbps for row in results.rows] == pytest.approx([6.4, 6.4])
    assert {row.lag for row in results.rows} == {80}
    assert max(row.scores["lsd"] for row in results.rows) < 0.1
    assert results.about["codec_versions"]["late"].startswith("decoded elsewhere")
    assert len(session.samples(results.rows)) == 2


def test_a_score_of_a_decoded_clip_hangs_on_its_file(corpus):
    data, decoded = corpus
    folder = DecodedFolder("late", 6.4, decoded)
    keys = []
    for _ in range(2):
        keys.append(Session(settings(data, decoded=(folder,))).jobs[0].key())
        path = sorted(decoded.iterdir())[0]
        path.write_bytes(path.read_bytes()[:-2] + b"\1\1")
    assert keys[0] != keys[1]


def test_the_path_comes_before_the_name_and_an_unclear_name_is_left_out(tmp_path, clip):
    for place in ("data/a", "data/b", "out/a"):
        (tmp_path / place).mkdir(parents=True)
        shutil.copy(clip, tmp_path / place / "x.flac")
    shutil.copy(clip, tmp_path / "out" / "x.flac")
    found = DecodedFolder("y", 1.0, tmp_path / "out").find(find_clips(tmp_path / "data"))
    assert found == {"a/x.flac": tmp_path / "out" / "a" / "x.flac"}


def test_two_files_of_one_clip_are_refused(corpus):
    data, decoded = corpus
    first = sorted(decoded.iterdir())[0]
    (decoded / "sub").mkdir()
    shutil.copy(first, decoded / "sub" / first.name)
    with pytest.raises(EvaluationError, match="both decoded from"):
        DecodedFolder("y", 1.0, decoded).find(find_clips(data))


@pytest.mark.parametrize("text", ["lyra=DIR", "lyra@x=.", "lyra@0=.", "lyra@3=/no/such/folder"])
def test_what_names_no_decoded_folder_is_refused(text):
    with pytest.raises(EvaluationError, match="decoded"):
        parse_decoded(text)


def test_a_folder_of_other_clips_is_refused(corpus, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(EvaluationError, match="no file is named like"):
        Session(settings(corpus[0], decoded=(DecodedFolder("y", 1.0, tmp_path / "empty"),)))


def test_a_metric_and_a_peer_of_ones_own(corpus, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "plug_in_of_mine.py").write_text(PLUGIN)
    name, peer = parse_peer("plug_in_of_mine:COPY")
    assert (name, parse_peer("z=plug_in_of_mine:COPY")[0]) == ("copy", "z")
    own = "plug_in_of_mine:loudness"
    try:
        session = Session(settings(corpus[0], custom_peers={name: peer}, metrics=(own,)))
        key = session.jobs[0].key()
        results = session.run()
        assert all(row.scores[own] > 1.0 for row in results.rows)
        (tmp_path / "plug_in_of_mine.py").write_text(PLUGIN + "# changed\n")
        assert session.jobs[0].key() != key
    finally:
        METRICS.pop(own, None)
    for text in ("plug_in_of_mine:NUMBER", "plug_in_of_mine:nothing", "no_such_module:X"):
        with pytest.raises(EvaluationError, match=text.partition(":")[0]):
            parse_peer(text)
        with pytest.raises(EvaluationError, match=text.partition(":")[0]):
            Session(settings(corpus[0], metrics=(text,)))


def test_the_table_says_what_the_weights_were_trained_on():
    rows = [
        Row(system, kbps, clip, 2.0, kbps, kbps, scores={"pesq_wb": kbps, "lsd": 9 - kbps})
        for system in ("ours", "silent", "peer") for kbps in (2.0, 3.0) for clip in "ab"
    ]  # fmt: skip
    about = {
        "trained_on": {"ours": "pesq, stoi", "silent": "not stated"},
        "codec_versions": {"peer": "decoder 1.3.1"},
    }
    results = gather(rows, ["pesq_wb", "lsd"], ["ours", "silent"], about)
    assert (learners(results, "pesq_wb"), learners(results, "lsd")) == (["ours"], [])
    assert len(legend(results)) == 2
    text = curve_markdown(results, "x.png")
    assert re.search(r"\| PESQ-WB \(MOS-LQO\) † ± 95 % \| log-spectral distance \(dB\) ±", text)
    assert "- peer: decoder 1.3.1" in text
    assert text.count("ours against peer") == 2


def test_a_checkpoint_says_what_it_was_trained_on(tmp_path, toy_checkpoint, clip):
    from codec.backends.torch_checkpoint import load_checkpoint, save_checkpoint

    told = tmp_path / "told.safetensors"
    save_checkpoint(told, load_checkpoint(toy_checkpoint)[0], {"trained_on": "pesq, stoi"})
    session = Session(
        Settings(data=clip, checkpoints=(str(told), str(toy_checkpoint)), rates_kbps=(0.3,),
                 metrics=("lsd",), num_processes=0, cache=tmp_path / "c")
    )  # fmt: skip
    about = session.run().about
    assert about["trained_on"] == {"told": "pesq, stoi", "toy": "not stated"}
    assert json.loads(json.dumps(dict(about))) == dict(about)


def test_a_peer_tells_its_release():
    missing = PEERS["opus"].missing()
    if missing:
        pytest.skip(missing)
    assert "libopus" in PEERS["opus"].version()
