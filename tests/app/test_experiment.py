"""The command line of `nsvq experiment`."""

import json

import pytest
from click.testing import CliRunner

pytest.importorskip("matplotlib", reason="matplotlib missing")
pytest.importorskip("sklearn", reason="scikit-learn missing")

from app.verbs.experiment import command


def test_settings_reach_the_experiment(tmp_path):
    words = ["distribution", "--quick", "--methods", "ste", "--set", "bits=[2]"]
    words += ["--set", "updates=4", "--set", "example_updates=20", "-o", str(tmp_path)]
    result = CliRunner().invoke(command, words, catch_exceptions=False)
    assert result.exit_code == 0
    assert "STE + replacement" in result.output
    settings = json.loads((tmp_path / "results.json").read_text())["settings"]
    assert (settings["bits"], settings["updates"], settings["methods"]) == ([2], 4, ["ste"])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["weather"], "is not one of"),
        (["images", "--set", "steps"], "not KEY=VALUE"),
        (["images", "--set", "pixels=3"], "no setting pixels"),
        (["distribution", "--data", "."], "no setting data"),
        (["distribution", "--seeds", "0"], "0"),
    ],
)
def test_wrong_usage(words, says):
    result = CliRunner().invoke(command, words)
    assert result.exit_code == 2
    assert says in result.output
