"""Folders become corpora; batches are drawn the same for the same step, corpus by corpus."""

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import torch

from codec.errors import EvaluationError, TrainingError
from tests.conftest import forbid
from training.corpora import Corpus, join_corpora, load_corpus, split_speakers
from training.corpora.batches import Batches
from training.evaluation.clips import find_clips


def test_folders_name_corpora_and_speakers(corpus: Corpus) -> None:
    assert {name: set(speakers) for name, speakers in corpus.groups.items()} == {
        "reads": {"ann", "bob"},
        "talks": {"cat", "dan"},
    }
    assert corpus.seconds == pytest.approx(10.0)


def test_any_rate_and_channels_come_in_and_the_unusable_is_listed(tmp_path: Path) -> None:
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(44_100) / 44_100)
    sf.write(tmp_path / "stereo.wav", np.stack([tone, tone], 1), 44_100)
    sf.write(tmp_path / "short.wav", tone[:1_000], 44_100)
    (tmp_path / "text.wav").write_text("not a recording")
    found = load_corpus(tmp_path, 16_000)
    assert [len(clip) for clip in found.clips] == [16_000]
    peak = np.abs(found.clips[0].astype(float)).max() / 32_768
    assert peak == pytest.approx(0.3, rel=0.02)
    assert len(found.refused) == 2
    assert any("short.wav" in line for line in found.refused)
    assert any("text.wav" in line for line in found.refused)


def test_a_folder_without_recordings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no usable recording"):
        load_corpus(tmp_path, 16_000)


def test_a_step_draws_the_same_batch_every_time(corpus: Corpus) -> None:
    first, second = (Batches(corpus, {}, size=4, crop=8_000, seed=3) for _ in "ab")
    assert torch.equal(first.draw(7), second.draw(7))
    assert not torch.equal(first.draw(7), first.draw(8))
    assert first.draw(7).shape == (4, 1, 8_000)


def test_short_clips_are_padded_and_nothing_clips(corpus: Corpus) -> None:
    batches = Batches(corpus, {}, size=8, crop=60_000, gain_db=(20.0, 40.0))
    wave = batches.draw(0)
    assert float(wave.abs().max()) <= 1.0
    assert torch.equal(wave[..., 40_000:], torch.zeros_like(wave[..., 40_000:]))


def test_another_speed_is_another_pitch() -> None:
    tone = np.sin(2 * np.pi * 500 * np.arange(64_000) / 16_000)
    corpus = Corpus(16_000, ((8_000 * tone).astype(np.int16),), {"a": {"b": (0,)}})
    faster = Batches(corpus, {}, size=1, crop=16_000, speed_share=1.0, speed=(1.25, 1.25))
    wave = faster.draw(0)[0, 0]
    assert wave.shape == (16_000,)
    assert int(torch.fft.rfft(wave).abs().argmax()) == 625


def test_a_second_voice_comes_on_top(corpus: Corpus) -> None:
    quiet = (-40.0, -40.0)  # far from clipping: the gain is the same for all
    alone = Batches(corpus, {}, size=1, crop=8_000, gain_db=quiet, mix_share=1e-9)
    mixed = Batches(corpus, {}, size=1, crop=8_000, gain_db=quiet, mix_share=1.0)
    for step in range(3):
        first, both = alone.draw(step), mixed.draw(step)
        second = both - first
        assert 0.0 < float(second.abs().max()) <= 0.01
        assert not torch.equal(second, first)


def test_shares_decide_which_corpus_is_drawn(corpus: Corpus) -> None:
    batches = Batches(corpus, {"talks": 1.0}, size=1, crop=8_000)
    assert dict(zip(batches.names, batches.weights.tolist(), strict=True)) == {
        "reads": 0.0,
        "talks": 1.0,
    }


def test_corpora_without_a_share_are_named(corpus: Corpus) -> None:
    assert Batches(corpus, {"talks": 1.0}, size=1, crop=8_000).unused == ["reads"]
    assert Batches(corpus, {}, size=1, crop=8_000).unused == []
    with pytest.raises(TrainingError, match="no share"):
        Batches(corpus, {"talks": 0.0, "elsewhere": 1.0}, size=1, crop=8_000)


def test_shares_that_name_no_corpus_fall_back_to_hours(corpus: Corpus) -> None:
    batches = Batches(corpus, {"elsewhere": 1.0}, size=1, crop=8_000)
    assert batches.weights.tolist() == pytest.approx([0.5, 0.5])


def test_a_split_shares_no_speaker_and_is_the_same_every_time(corpus: Corpus) -> None:
    train, dev = split_speakers(corpus, 0.05)
    assert {name: len(speakers) for name, speakers in dev.groups.items()} == {
        "reads": 1,
        "talks": 1,
    }
    for name, speakers in corpus.groups.items():
        assert not set(train.groups[name]) & set(dev.groups[name])
        for part in (train, dev):
            for speaker, numbers in part.groups[name].items():
                clips = [part.clips[number] for number in numbers]
                before = [corpus.clips[number] for number in speakers[speaker]]
                assert all(a is b for a, b in zip(clips, before, strict=True))
    joined = join_corpora([dev, train])
    assert split_speakers(joined, 0.05)[1].groups.keys() == dev.groups.keys()
    assert {n: set(s) for n, s in split_speakers(joined, 0.05)[1].groups.items()} == {
        n: set(s) for n, s in dev.groups.items()
    }


def test_a_reader_of_two_corpora_goes_one_way() -> None:
    clip = np.zeros(8, np.int16)
    readers = {str(number): (0,) for number in range(300)}
    some = {str(number): (0,) for number in range(50, 300)}
    corpus = Corpus(16_000, (clip,), {"books": readers, "sentences": some})
    train, dev = split_speakers(corpus, 0.05)
    assert not set(train.groups["books"]) & set(dev.groups["sentences"])
    assert not set(train.groups["sentences"]) & set(dev.groups["books"])
    assert 5 < len(dev.groups["books"]) < 30


def test_a_folder_that_can_not_be_read_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
    sf.write(tmp_path / "a.wav", tone, 16_000)
    secret = tmp_path / "secret"
    secret.mkdir()
    forbid(secret, monkeypatch)
    found = load_corpus(tmp_path, 16_000)
    assert len(found.clips) == 1
    assert found.refused == (f"{secret}: folder can't be read (Permission denied)",)
    with pytest.raises(EvaluationError, match="secret: folder can't be read"):
        find_clips(tmp_path)
