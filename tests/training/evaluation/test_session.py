"""Runs over files: peers, alignment, odd clips, the cache, a process that dies, the report."""

import dataclasses
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from codec.audio import write_audio
from codec.errors import EvaluationError
from training.evaluation.clips import find_clips, read_reference
from training.evaluation.jobs.cache import Cache
from training.evaluation.jobs.job import Job, run_jobs, score_clip
from training.evaluation.jobs.rows import Row
from training.evaluation.metrics.alignment import align, find_lag
from training.evaluation.metrics.metric import to_16bit
from training.evaluation.report.page import focus_rates, worst_rows, write_report
from training.evaluation.report.readme_curve import END, START, write_curve
from training.evaluation.session import Session, Settings
from training.evaluation.statistics.results import write_results
from training.evaluation.systems import system as systems
from training.evaluation.systems.ogg import packet_sizes
from training.evaluation.systems.peers import PEERS, Peer, parse_peer
from training.evaluation.systems.system import PeerSystem, checkpoint_system, peer_systems

BUNDLED = Path(__file__).parents[2] / "data"
COPY = Peer("cp {in} {code}", "cp {code} {out}", rates_kbps=(256.0,))


@pytest.fixture(scope="module")
def clip():
    """One short bundled recording."""
    clips = find_clips(BUNDLED)
    return min(clips, key=lambda clip: clip.path.stat().st_size)


@pytest.fixture
def speech(clip):
    return read_reference(clip)


def settings(folder: Path, **changes) -> Settings:
    base = Settings(
        data=folder, checkpoints=(), custom_peers={"copy": COPY}, metrics=("si_sdr", "lsd"),
        peer_rates_kbps={"copy": (128.0, 256.0)}, num_processes=0, cache=folder / "cache",
    )  # fmt: skip
    return dataclasses.replace(base, **changes)


@pytest.fixture
def corpus(tmp_path, clip):
    """Two speakers with a sound clip each, and four clips that can't be scored."""
    for speaker, start in (("a", 0), ("b", 1_000)):
        (tmp_path / "corpus" / speaker).mkdir(parents=True)
        wave = read_reference(clip)[None, start:] / np.float32(32_768)
        write_audio(tmp_path / "corpus" / speaker / "good.flac", wave, 16_000)
    odd = tmp_path / "corpus" / "odd"
    odd.mkdir()
    write_audio(odd / "silent.wav", np.zeros((1, 32_000), np.float32), 16_000)
    write_audio(odd / "short.wav", np.full((1, 3_200), 0.1, np.float32), 16_000)
    (odd / "corrupt.wav").write_bytes(b"RIFF but nothing else")
    (odd / "empty.flac").write_bytes(b"")
    (odd / "foreign.m4a").write_bytes(b"what ffmpeg, if it is here, can't read either")
    return tmp_path


@pytest.mark.parametrize("name", PEERS)
def test_every_peer_codes_a_clip_or_says_why_not(name, clip):
    systems, skipped = peer_systems([name], {}, {})
    if not systems:
        assert re.match(rf"{name} skipped: .+", skipped[0])
        pytest.skip(skipped[0])
    (system,) = systems
    row = score_clip(Job(system, system.rates_kbps[-1], clip, ("stoi",)))
    assert row.error == ""
    assert row.scores["stoi"] > 0.6
    assert row.payload_kbps == pytest.approx(system.rates_kbps[-1], rel=0.35)
    assert row.kbps >= row.payload_kbps


def test_a_copying_peer_is_perfect(clip):
    row = score_clip(Job(PeerSystem("copy", COPY, (256.0,)), 256.0, clip, ("pesq_wb", "stoi")))
    assert row.scores == pytest.approx({"pesq_wb": 4.6439, "stoi": 1.0}, abs=1e-3)
    assert (row.lag, row.error) == (0, "")


@pytest.mark.parametrize("text", ["nameless", "a=enc {in}", "a=enc {in} {code} ; dec {out}"])
def test_a_half_written_peer_is_refused(text):
    with pytest.raises(EvaluationError, match="peer"):
        parse_peer(text)


def test_a_semicolon_inside_quotes_does_not_end_a_command():
    _, peer = parse_peer("x=sh -c 'true; cp $0 $1' {in} {code};cp {code} {out}")
    assert peer.programs == ["sh", "cp"]


def test_two_codecs_of_one_name_are_refused(corpus):
    with pytest.raises(EvaluationError, match="two peers are called 'opus'"):
        Session(settings(corpus, peers=("opus",), custom_peers={"opus": COPY}))
    table = corpus / "x.csv"
    table.write_text("codec,nominal,clip,kbps,stoi\nx,1,a,1,0.5\n")
    with pytest.raises(EvaluationError, match="x 1 is in two of the tables"):
        Session(settings(corpus, tables=(table, table)))


def test_a_program_that_hangs_is_ended(clip, monkeypatch):
    monkeypatch.setattr(systems, "PATIENCE_S", 0.2)
    monkeypatch.setattr(systems, "PATIENCE_RTF", 0.0)
    stuck = Peer("tail --follow=name --retry {in} {code}", "cp {code} {out}", (1.0,))
    row = score_clip(Job(PeerSystem("stuck", stuck, (1.0,)), 1.0, clip, ("lsd",)))
    assert row.error == "tail was ended: not done after 0 s"


def test_a_decoder_that_gives_nothing_back_is_an_error(clip):
    mute = Peer("cp {in} {code}", "cp /dev/null {out}", (1.0,), raw=True)
    row = score_clip(Job(PeerSystem("mute", mute, (1.0,)), 1.0, clip, ("lsd",)))
    assert row.error == "nothing came out: 0 samples"


def test_an_error_nobody_thought_of_is_one_failure(clip):
    class Broken(PeerSystem):
        def code(self, reference, kbps, folder):
            raise ZeroDivisionError("by zero")

    row = score_clip(Job(Broken("broken", COPY, (1.0,)), 1.0, clip, ("lsd",)))
    assert row.error == "unexpected ZeroDivisionError: by zero"


def test_a_failing_program_is_the_rows_error(clip):
    broken = Peer("sh -c 'echo no such rate >&2; exit 3' {in} {code}", "cp {code} {out}", (1.0,))
    row = score_clip(Job(PeerSystem("broken", broken, (1.0,)), 1.0, clip, ("stoi",)))
    assert row.error == "sh failed (3): no such rate"
    assert row.scores == {}


def test_a_missing_program_is_skipped_with_one_line():
    systems, skipped = peer_systems([], {"x": Peer("no-such-enc", "no-such-dec", (1.0,))}, {})
    assert (systems, skipped) == ([], ["x skipped: no-such-dec, no-such-enc not found"])


def test_ogg_packets_across_pages():
    def page(laces):
        return b"OggS" + bytes(22) + bytes([len(laces), *laces]) + bytes(sum(laces))

    data = page([19]) + page([255, 255]) + page([10, 30])
    assert packet_sizes(data) == [19, 520, 30]
    for bad in (data[:-1], data[1:]):
        with pytest.raises(EvaluationError):
            packet_sizes(bad)


@pytest.mark.parametrize("lag", [-300, -1, 0, 7, 900])
def test_lag_is_found_and_taken_out(speech, lag):
    late = np.pad(speech, (max(lag, 0), 0))[max(-lag, 0) :]
    reference, decoded, found = align(speech, late, 16_000)
    assert found == lag
    assert (reference == decoded).all()


def test_lag_of_a_rebuilt_waveform_is_that_of_its_envelope(speech):
    """Noise with the clip's envelope stands for a parametric codec."""
    loud = np.convolve(np.abs(speech / 32768.0), np.hanning(400) / 200, mode="same")
    noise = to_16bit(loud * np.random.default_rng(0).standard_normal(len(loud)))
    assert find_lag(speech, np.pad(noise, (480, 0)), 16_000) == pytest.approx(480, abs=64)


def test_a_truncated_decoding_is_an_error(speech):
    with pytest.raises(EvaluationError, match="came out"):
        align(speech, speech[: len(speech) // 2], 16_000)


def test_odd_clips_are_listed_and_not_scored(corpus):
    results = Session(settings(corpus)).run()
    errors = {row.clip.rpartition("/")[2]: row.error for row in results.failures}
    assert errors["silent.wav"] == "silent"
    assert errors["short.wav"].startswith("too short: 0.20 s")
    assert "ffmpeg" in errors["foreign.m4a"]
    assert set(errors) == {"silent.wav", "short.wav", "corrupt.wav", "empty.flac", "foreign.m4a"}
    assert {(s.n, s.failures) for s in results.summaries} == {(2, 5)}


@pytest.mark.slow
def test_an_hour_is_scored(tmp_path, clip, speech):
    wave = np.tile(speech, 3600 * 16_000 // len(speech) + 1)[: 3600 * 16_000]
    write_audio(tmp_path / "hour.flac", wave[None] / np.float32(32_768), 16_000)
    (hour,) = find_clips(tmp_path)
    row = score_clip(Job(PeerSystem("copy", COPY, (256.0,)), 256.0, hour, ("pesq_wb", "stoi")))
    assert (row.seconds, row.error) == (3600.0, "")
    assert row.scores == pytest.approx({"pesq_wb": 4.6439, "stoi": 1.0}, abs=1e-3)


def test_a_process_that_dies_is_one_failure(tmp_path, clip):
    deadly = Peer("sh -c 'kill -9 $PPID' {in} {code}", "cp {code} {out}", (1.0,))
    jobs = [
        Job(PeerSystem(name, peer, (1.0,)), 1.0, clip, ("lsd",))
        for name, peer in (("deadly", deadly), ("copy", COPY))
    ]
    rows = run_jobs(jobs, Cache(tmp_path), 1)
    assert [row.error for row in rows] == ["the process that scored it died", ""]


def test_a_checkpoint_is_scored_from_files_on_disk(tmp_path, clip):
    torch = pytest.importorskip("torch")
    from codec.backends.torch_checkpoint import save_checkpoint
    from codec.backends.torch_model import CodecModel
    from codec.codec import Codec
    from codec.config import ModelConfig

    torch.manual_seed(0)
    config = ModelConfig(
        trunk_width=16, latent_width=8, num_stages=3, codebook_size=16, encoder_lookahead=(1,),
        decoder_lookahead=(1,),
    )  # fmt: skip
    save_checkpoint(tmp_path / "tiny.safetensors", CodecModel(config))
    system = checkpoint_system(str(tmp_path / "tiny.safetensors"), [0.2, 0.45, 9.0])
    assert system.rates_kbps == (0.2, 0.4, 0.6)
    row = score_clip(Job(system, 0.4, clip, ("lsd",)))
    assert (row.error, row.system) == ("", "tiny")
    wave = read_reference(clip) / np.float32(32768)
    coded = Codec.load(system.path).compress(wave, 16_000, 0.4)
    assert row.kbps == row.payload_kbps == pytest.approx(8e-3 * len(coded) / row.seconds)
    wide = checkpoint_system(f"{tmp_path / 'tiny.safetensors'}@4", [0.4])
    assert (wide.name, wide.effort) == ("tiny effort 4", 4)
    assert wide.identity() != system.identity()
    wide_row = score_clip(Job(wide, 0.4, clip, ("lsd",)))
    assert wide_row.kbps == pytest.approx(row.kbps, rel=0.1)


def test_constant_and_variable_bitrate_stand_side_by_side(tmp_path, toy_checkpoint):
    texts = (f"nsvq={toy_checkpoint}", f"nsvq-cbr={toy_checkpoint}@cbr")
    asked = Settings(
        BUNDLED, texts, rates_kbps=(0.6,), metrics=("lsd",), limit=1, num_processes=0,
        cache=tmp_path,
    )  # fmt: skip
    session = Session(asked)
    assert len({job.key() for job in session.jobs}) == 2
    results = session.run()
    variable, constant = results.rows
    assert (variable.system, constant.system) == ("nsvq", "nsvq-cbr")
    assert variable.kbps <= constant.kbps
    assert variable.scores != constant.scores
    told = results.about["codec_versions"]
    assert told["nsvq"].endswith(", variable bitrate")
    assert told["nsvq-cbr"].endswith(", constant bitrate")
    cached = []
    Session(asked).run(lambda row, was_there: cached.append(was_there))
    assert cached == [True, True]


@pytest.mark.parametrize(
    ("words", "name", "vbr", "effort"),
    [
        ("", "nsvq", True, 1),
        ("@cbr", "nsvq-cbr", False, 1),
        ("@4@cbr", "nsvq-cbr effort 4", False, 4),
        ("@cbr@4", "nsvq-cbr effort 4", False, 4),
    ],
)
def test_a_checkpoint_is_named_with_effort_and_kind_of_bitrate(words, name, vbr, effort):
    system = checkpoint_system(f"default{words}", [3.0])
    assert (system.name, system.vbr, system.effort) == (name, vbr, effort)


def test_report_is_one_page_with_everything_in_it(corpus, tmp_path):
    noisy = f"sh -c {shlex.quote('head -c 20000 $0 > $1; tail -c +20001 $0 | tr x y >> $1')}"
    peers = {"copy": COPY, "noisy": Peer(f"{noisy} {{in}} {{code}}", "cp {code} {out}", (8.0,))}
    session = Session(settings(corpus, custom_peers=peers, metrics=("lsd",)))
    results = session.run()
    focus = focus_rates(results, 6.0)
    assert focus == {"copy": 128.0, "noisy": 8.0}
    samples = session.samples(worst_rows(results, focus))
    write_results(results, tmp_path / "out")
    write_report(results, tmp_path / "out", focus, samples)
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.count("<audio") == 2 * len(samples) == 8
    assert "corrupt.wav" in page
    assert not re.search(r"(src|href)=(?!'data:)", page)
    assert {path.name for path in (tmp_path / "out").iterdir()} > {"clips.csv", "rate_lsd.png"}
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{START}\nold\n{END}\nafter\n")
    write_curve(results, readme)
    text = readme.read_text()
    assert "old" not in text
    assert "| copy | " in text
    assert text.endswith("after\n")
    assert (tmp_path / "README-curve.png").stat().st_size > 1000
    (tmp_path / "docs").mkdir()
    write_curve(results, readme)
    assert (tmp_path / "docs" / "curve.png").stat().st_size > 1000


def test_samples_are_found_without_comparing_numbers(corpus, monkeypatch):
    """From Python 3.13 on, dataclasses compare field by field, and NaN is not equal to NaN."""
    monkeypatch.setattr(Row, "__eq__", lambda one, other: one is other)
    session = Session(settings(corpus))
    good = [row for row in session.run().rows if not row.error]
    samples = session.samples(good)
    assert len(good) == 4
    assert [sample.row for sample in samples] == good
