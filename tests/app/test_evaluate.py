"""`nsvq evaluate` as a person calls it, on the bundled clips with codecs made of cp and tr."""

import re
import shlex
from pathlib import Path

import pytest

pytest.importorskip("pesq", reason="the extra `evaluate` is not installed")

from training.evaluation.jobs.job import score_clip

DATA = Path(__file__).parents[1] / "data"
COPY = "x=cp {in} {code} ; cp {code} {out}"
NOISE = (
    'sh -c \'head -c 44 $0 > $1; tail -c +45 $0 | tr "\\000-\\077" "\\100-\\177" >> $1\' '
    "{in} {code}"
)
NOISY = f"x={NOISE} ; cp {{code}} {{out}}"


@pytest.fixture
def evaluate(nsvq, tmp_path):
    """Score one made-up codec `x` by two quick metrics, in this process."""

    def run(peer, *args):
        return nsvq(
            "evaluate", "--data", DATA, "--checkpoint", "none", "--peer", peer,
            "--peer-rates", "x=256", "--metrics", "lsd,mel", "--jobs", 0,
            "--cache", tmp_path / "cache", "-o", tmp_path / "out", *args,
        )  # fmt: skip

    return run


def test_a_run_prints_scores_and_leaves_a_report(evaluate, tmp_path):
    result = evaluate(COPY, "--limit", 2)
    assert result.exit_code == 0, result.stderr
    assert "log-spectral distance" in result.stdout
    assert re.search(r"x 256\s*│ 25\d\.\d+", result.stdout)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names >= {"report.html", "results.json", "clips.csv", "rate_lsd.png", "rate_mel.png"}


def test_the_gate_passes_the_same_and_fails_a_worse_codec(evaluate, tmp_path):
    before = tmp_path / "before.json"
    assert evaluate(COPY, "--baseline", before).exit_code == 0
    worse = evaluate(NOISY, "--against", before)
    assert (worse.exit_code, worse.stderr) == (1, "")
    assert re.search(r"x 256 .* lsd .* worse", worse.stdout)
    fewer = evaluate(COPY, "--against", before, "--limit", 2)
    assert "0 worse" in fewer.stdout
    assert (fewer.exit_code, "only: x 256 kbps: 3 of 5 clips" in fewer.stderr) == (0, True)


def test_a_missing_program_is_one_line_and_the_rest_runs(evaluate):
    result = evaluate(COPY, "--limit", 1, "--peer", "y=no-such {in} {code} ; no-such {code} {out}",
                      "--peer-rates", "y=1")  # fmt: skip
    assert result.exit_code == 0
    assert result.stderr == "nsvq: y skipped: no-such not found\n"


def test_nothing_scored_is_an_error_and_said_once_a_clip(evaluate, tmp_path):
    result = evaluate("x=false {in} {code} ; cp {code} {out}", "--limit", 1)
    assert result.exit_code == 1
    failed, verdict = result.stderr.splitlines()
    assert re.fullmatch(r"failed: .+\.flac: false failed \(1\): no message \(x 256\)", failed)
    assert "nothing could be scored" in verdict
    assert (tmp_path / "out" / "clips.csv").exists()
    assert not (tmp_path / "out" / "report.html").exists()


def test_a_table_is_compared_over_the_clips_of_the_run(evaluate, tmp_path):
    table = tmp_path / "lyra.csv"
    lines = ["codec,nominal,clip,kbps,lsd", "lyra,3.2,elsewhere.flac,3.2,50",
             "lyra,3.2,picovoice.flac,3.2,4", "x,256,picovoice.flac,256,9"]  # fmt: skip
    table.write_text("\n".join(lines) + "\n")
    result = evaluate(COPY, "--results", table)
    assert result.exit_code == 0
    assert result.stderr.splitlines() == [
        "nsvq: x of the tables left out: it runs here",
        "nsvq: lyra of the tables has 1 of 5 clips",
    ]
    assert re.search(r"lyra 3\.2\s*│ 3\.20\s*│ 3\.20\s*│ 4\.000 ", result.stdout)


def test_decoded_folders_stand_beside_what_runs_here(evaluate, tmp_path):
    result = evaluate(COPY, "--limit", 2, "--decoded", f"perfect@6={DATA}",
                      "--metric", "training.evaluation.metrics.spectrum:mel_db")  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert re.search(r"perfect 6\s*│ 6\.00\s*│ 6\.00\s*│ 0\.000 ", result.stdout)
    assert "perfect: decoded elsewhere, read from data" in result.stdout
    page = (tmp_path / "out" / "report.html").read_text()
    assert "decoded elsewhere" in page


def test_a_table_alone_can_be_drawn(nsvq, tmp_path):
    table = tmp_path / "lyra.csv"
    table.write_text("codec,nominal,clip,kbps,stoi\nlyra,3.2,a,3.2,0.9\nlyra,6,a,6,0.95\n")
    result = nsvq("evaluate", "--results", table, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "out" / "rate_stoi.png").exists()


@pytest.mark.parametrize(
    ("args", "exit_code"),
    [
        ("", 2),
        ("--data DATA --rates one", 2),
        ("--data DATA --rates 0", 2),
        ("--data DATA --peer-rates opus", 2),
        ("--data DATA --peer-rates opus=6", 1),
        ("--data DATA --peers nope", 1),
        ("--data DATA --metrics nope", 1),
        ("--data DATA --peer 'a=x {in}'", 1),
        ("--data DATA --checkpoint nowhere", 1),
        ("--data DATA --peer 'copy=cp {in} {code} ; cp {code} {out}'", 1),
        ("--data DATA --against README", 1),
        ("--data DATA --metric nope", 1),
        ("--data DATA --metric no_such_module:score", 1),
        ("--data DATA --peer no_such_module:PEER", 1),
        ("--data DATA --decoded lyra=DATA", 1),
        ("--data DATA --decoded lyra@6=/no/such/folder", 1),
        ("--decoded lyra@6=.", 2),
    ],
)
def test_what_can_not_be_done_is_one_line(nsvq, args, exit_code):
    places = {"DATA": str(DATA), "README": str(DATA / "README.md")}
    words = ["--checkpoint", "none"] if "--checkpoint" not in args else []
    result = nsvq("evaluate", *words, *(places.get(word, word) for word in shlex.split(args)))
    assert result.exit_code == exit_code
    assert len(result.stderr.splitlines()) == 1


def test_an_address_without_ray_is_wrong_usage(evaluate):
    result = evaluate(COPY, "--address", "auto")
    assert result.exit_code == 2
    assert "--address is for --engine ray" in result.stderr


def test_ray_is_asked_wherever_the_options_stand(evaluate, monkeypatch):
    ray_jobs = pytest.importorskip("training.evaluation.jobs.ray_jobs", exc_type=ImportError)
    asked = []

    def here(jobs, todo, num_cores, address):
        asked.append((len(todo), address))
        return ((index, score_clip(jobs[index])) for index in todo)

    monkeypatch.setattr(ray_jobs, "score_on_ray", here)
    result = evaluate(COPY, "--limit", 2, "--address", "far:6379", "--engine", "ray")
    assert result.exit_code == 0, result.stderr
    assert asked == [(2, "far:6379")]
