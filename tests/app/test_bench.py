"""`nsvq bench`: its plan and its tables; the measuring itself is tested below training."""

import json
import math

import pytest

from app import encode_cost
from app.encode_cost import CLIP_S, BackendCost, Size
from codec.backends.loading import BACKENDS
from codec.errors import EvaluationError
from training.evaluation.cost import neural, speed
from training.evaluation.cost.speed import Cost

COLUMNS = (
    "codec", "kbps", "audio s", "encode", "decode", "start s", "delay ms", "first sound ms",
    "peak MB", "model MB", "GMAC/s",
)  # fmt: skip


@pytest.fixture
def planned(monkeypatch):
    """What would be measured, without measuring it."""
    plan: list[tuple[str, str, float, float]] = []

    def measure(kind, source, kbps, seconds, repeats):
        plan.append((kind, source, kbps, seconds))
        return Cost(kind, kbps, seconds, 0.01, 0.02, 1.0, macs=math.nan)

    monkeypatch.setattr(speed, "measure", measure)
    monkeypatch.setattr(
        encode_cost,
        "measure_backend",
        lambda name, path, size: BackendCost(
            name, 0.004, 0.006, 0.5, 150.0, size.clips, size.num_jobs, 321.0
        ),
    )
    return plan


def test_three_tables_with_every_cost(nsvq, planned, toy_checkpoint):
    result = nsvq("bench", "--checkpoint", toy_checkpoint, "--peers", "", "--lengths", "1,10")
    assert result.exit_code == 0, result.stderr
    for title in ("Codecs", "Cost against stages", "Cost against length"):
        assert title in result.stdout
    heading = result.stdout.partition("Codecs")[2].partition("┡")[0]
    heading = " ".join(heading.replace("┃", " ").split())
    assert all(word in heading for column in COLUMNS for word in column.split())
    assert "1.00 times" in result.stdout
    rates = [round(kbps, 3) for _, _, kbps, _ in planned]
    assert rates == [1.2, 0.3, 0.6, 1.2, 1.2, 1.2]
    assert [seconds for *_, seconds in planned[-2:]] == [1.0, 10.0]


def test_files_are_of_the_bitrate_asked_for(nsvq, planned, toy_checkpoint):
    result = nsvq("bench", "--checkpoint", toy_checkpoint, "--peers", "", "--bitrate", "0.7")
    assert result.exit_code == 0, result.stderr
    assert [round(kbps, 3) for _, _, kbps, _ in planned] == [0.6, 0.3, 0.6, 1.2, 0.6, 0.6, 0.6]
    both = nsvq("bench", "--checkpoint", toy_checkpoint, "--live", 1, "--bitrate", "0.7")
    assert "packets take --rates" in both.stderr
    low = nsvq("bench", "--checkpoint", toy_checkpoint, "--peers", "", "--bitrate", "0.1")
    assert "0.1 kbps is below the lowest" in low.stderr


def test_json_is_one_line_a_measurement(nsvq, planned, toy_checkpoint):
    result = nsvq("bench", "--checkpoint", toy_checkpoint, "--peers", "", "--json")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    backends, codecs = lines[:2], lines[2:]
    assert [line["backend"] for line in backends] == ["numpy", "torch"]
    assert backends[0]["audio_per_s"] == 321.0
    assert len(codecs) == len(planned) == 7
    assert {"table", "encode_rtf", "decode_rtf", "first_sound_ms", "peak_mb", "macs"} <= set(
        codecs[0]
    )
    assert codecs[0]["macs"] is None


def test_what_is_not_installed_is_one_line(nsvq, planned, toy_checkpoint, monkeypatch):
    monkeypatch.setattr(neural, "missing", lambda: "package transformers not found")
    result = nsvq("bench", "--checkpoint", toy_checkpoint, "--peers", "", "--neural", "mimi,dac")
    assert result.exit_code == 0
    assert result.stderr == "nsvq: mimi, dac skipped: package transformers not found\n"
    assert {kind for kind, *_ in planned} == {"checkpoint"}


@pytest.mark.parametrize(
    "args", ["--lengths one", "--seconds 0", "--neural nope", "--backends jax"]
)
def test_wrong_usage(nsvq, planned, toy_checkpoint, args):
    result = nsvq("bench", "--checkpoint", toy_checkpoint, "--peers", "", *args.split())
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)


def test_backends_are_a_table_of_their_own(nsvq, planned, toy_checkpoint):
    args = ("--peers", "", "--backends", "numpy", "--clips", 200, "--jobs", 2)
    result = nsvq("bench", "--checkpoint", toy_checkpoint, *args)
    assert result.exit_code == 0, result.stderr
    row = next(line for line in result.stdout.splitlines() if line.startswith("│ numpy"))
    cells = [cell.strip() for cell in row.strip("│").split("│")]
    assert cells == ["numpy", "0.004", "0.006", "100", "0.5", "150", "200", "2", "321"]


def test_a_backend_that_is_not_installed_is_one_line(nsvq, planned, toy_checkpoint, monkeypatch):
    monkeypatch.setattr(encode_cost, "find_spec", lambda name: None)
    result = nsvq("bench", "--checkpoint", toy_checkpoint, "--peers", "")
    assert result.exit_code == 0
    assert result.stderr == "nsvq: torch skipped: pip install 'nsvq-codec[torch]'\n"
    assert "│ numpy" in result.stdout
    assert "│ torch" not in result.stdout


def test_whole_processes_are_measured(toy_checkpoint):
    cost = encode_cost.measure_backend("numpy", toy_checkpoint, Size(0.6, 2.0, 1, 3, 1))
    assert (cost.backend, cost.clips, cost.num_jobs) == ("numpy", 3, 1)
    assert cost.times_real_time == pytest.approx(1 / (cost.encode_rtf + cost.decode_rtf))
    assert CLIP_S * cost.encode_rtf < cost.process_s < 60
    assert 20 < cost.process_mb < 1000
    assert 0 < cost.audio_per_s < 3 * 8.0 / 0.05


def test_a_process_that_fails_is_an_error(toy_checkpoint, tmp_path):
    with pytest.raises(EvaluationError, match="nowhere"):
        encode_cost.run_encode(tmp_path / "nowhere.wav", tmp_path / "x.nsvq", [])


@pytest.mark.parametrize("backend", BACKENDS)
def test_verbs_code_with_either_backend(nsvq, clip, toy_checkpoint, tmp_path, backend):
    options = ("--checkpoint", toy_checkpoint, "--backend", backend)
    coded, back = tmp_path / "a.nsvq", tmp_path / "a.wav"
    assert nsvq("encode", clip, "-o", coded, *options).exit_code == 0
    assert nsvq("decode", coded, "-o", back, *options).exit_code == 0
    assert back.stat().st_size > 10_000


def test_a_conversation_is_measured_packet_by_packet(nsvq, toy_checkpoint):
    result = nsvq("bench", "--checkpoint", toy_checkpoint, "--live", 1, "--json")
    assert result.exit_code == 0, result.stderr
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["kbps"] for line in lines] == [0.4, 0.8, 1.2]
    for line in lines:
        assert line["num_packets"] == 50
        assert 0.0 < line["encode_ms_median"] < line["processor_ms_median"]
        assert line["processor_ms_median"] <= line["processor_ms_p95"]
        assert line["differing_codes"] <= 0.02 * line["compared_codes"]
    shown = nsvq("bench", "--checkpoint", toy_checkpoint, "--live", 1)
    assert "Packets of 20 ms, one thread" in shown.stdout


def test_a_conversation_is_measured_at_the_rates_asked_for(nsvq, toy_checkpoint):
    args = ("--checkpoint", toy_checkpoint, "--live", 1, "--json")
    result = nsvq("bench", *args, "--rates", "1.2,0.4")
    assert [json.loads(line)["kbps"] for line in result.stdout.splitlines()] == [1.2, 0.4]
    refused = nsvq("bench", *args, "--rates", "0.1")
    assert (refused.exit_code, len(refused.stderr.splitlines())) == (1, 1)
    assert "0.1 kbps is below the lowest" in refused.stderr
