"""A log is read back as one run: joined, without what a killed run did twice; and drawn."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from matplotlib import image

from app.cli import cli
from codec.errors import TrainingError
from training.recipe import Recipe
from training.run.log import LOG, Line, forget_redone, read_logs
from training.run.log_picture import PANELS, draw_curves, panel_series


def write(path: Path, lines: list[Line]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_steps_done_twice_count_once() -> None:
    first = [{"step": 10.0, "mel": 3.0}, {"step": 20.0, "mel": 2.0}]
    lost = [{"step": 25.0, "stoi/6kbps": 0.5}, {"step": 30.0, "mel": 1.0}, {"step": 40.0}]
    again = [{"step": 30.0, "mel": 0.9}, {"step": 30.0, "stoi/6kbps": 0.6}, {"step": 40.0}]
    assert forget_redone([*first, *lost, *again]) == [*first, lost[0], *again]
    assert forget_redone([*again, *again]) == again


def test_logs_of_one_run_are_joined_and_half_lines_skipped(tmp_path: Path) -> None:
    write(tmp_path / "old" / LOG, [{"step": 1, "mel": 3.0}, {"step": 2, "mel": 2.0}])
    write(tmp_path / "new.jsonl", [{"step": 2, "mel": 1.5}, {"step": 3, "mel": 1.0}])
    with (tmp_path / "new.jsonl").open("a") as file:
        file.write('[1]\n{"step": NaN, "mel": 1}\n{"step": 4, "me')
    found = read_logs([tmp_path / "old", tmp_path / "new.jsonl"])
    assert [(line["step"], line["mel"]) for line in found] == [(1, 3.0), (2, 1.5), (3, 1.0)]


def test_no_log_and_an_empty_one_are_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no such log"):
        read_logs([tmp_path])
    (tmp_path / LOG).touch()
    with pytest.raises(TrainingError, match="nothing is logged"):
        read_logs([tmp_path])
    told = CliRunner().invoke(cli, ["curves", str(tmp_path)])
    assert told.exit_code == 1
    assert len(told.stderr.splitlines()) == 1


LINES: list[Line] = [
    {"step": 5.0, "mel": 0.5, "gradient_norm": float("nan"), "skipped": 1.0},
    {"step": 9.0, "mel": 0.4, "pesq": 2.0, "gradient_norm": 3.0, "skipped": 0.0},
    {"step": 9.0, "pesq_wb/12kbps": 3.0, "pesq_wb/6kbps": 2.0, "stoi/6kbps": 0.9}
    | {f"{kind}/stage{n:02}": float(n) for kind in ("perplexity", "used") for n in (1, 2)},
]


def test_every_panel_finds_its_numbers(recipe: Recipe) -> None:
    pesq = panel_series(LINES, "PESQ-WB on held-out clips")
    assert list(pesq) == ["6 kbps", "12 kbps"]
    assert pesq["12 kbps"][1].tolist() == [3.0]
    assert set(panel_series(LINES, "Losses")) == {"mel", "pesq"}
    assert panel_series(LINES, "Gradient norm")["gradient norm"][0].tolist() == [9.0]
    assert list(panel_series(LINES, "Perplexity of each stage")) == ["stage 01", "stage 02"]
    assert not panel_series(LINES, "Learning rate")
    for panel in set(PANELS) - {"Learning rate"}:
        assert panel_series(LINES, panel), panel


def test_the_picture_has_more_where_the_recipe_is_known(recipe: Recipe, tmp_path: Path) -> None:
    write(tmp_path / LOG, LINES)
    told = CliRunner().invoke(cli, ["curves", str(tmp_path), "-o", str(tmp_path / "a.png")])
    assert told.exit_code == 0, told.output
    plain = image.imread(tmp_path / "a.png")
    assert plain.std() > 0.05
    with_rates = image.imread(io.BytesIO(draw_curves(LINES, recipe)))
    assert not (plain.shape == with_rates.shape and np.array_equal(plain, with_rates))
    with pytest.raises(TrainingError, match="nothing to draw"):
        draw_curves([{"step": 1.0}])
