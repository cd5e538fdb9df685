"""A run killed with SIGKILL at random moments, also while it saves, ends at the same bits."""

import multiprocessing
import runpy
import signal
import time
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pytest
import torch

from codec.backends.torch_checkpoint import load_checkpoint
from training.corpora import load_corpus
from training.recipe import Recipe
from training.run.loop import LAST, STATE, fit
from training.run.state import Run
from training.run.state_file import load_state

pytestmark = pytest.mark.slow

LIVES = Path(__file__).with_name("lives.py")
KILLS = 10
STEPS = 50
"""Of each phase."""


def start_life(
    moment: str, folder: Path, recipe: Recipe, corpus_folder: Path
) -> tuple[BaseProcess, Connection]:
    """A process that lives (forked from a clean one which has torch imported) and its steps."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["training.run.loop", "torch.utils.tensorboard"])
    told, tell = context.Pipe(duplex=False)
    life = (moment, (folder, recipe, corpus_folder, tell))
    process = context.Process(target=runpy.run_path, args=(str(LIVES), {"life": life}))
    process.start()
    tell.close()
    return process, told


def finish(folder: Path, recipe: Recipe, corpus_folder: Path) -> None:
    """Train to the recipe's end, in this process."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    fit(Run(recipe, load_corpus(corpus_folder, 16_000)), folder, [], [4])
    torch.set_num_threads(threads)


def assert_same_end(folder: Path, other: Path) -> None:
    """State and exported weights are equal to the bit."""
    whole, parts = (load_state(path / STATE) for path in (folder, other))
    assert whole[1] == parts[1]
    assert whole[0].keys() == parts[0].keys()
    assert all(torch.equal(parts[0][name], value) for name, value in whole[0].items())
    ends = [load_checkpoint(path / LAST)[1] for path in (folder, other)]
    assert ends[0] == ends[1]


def test_killed_ten_times_it_ends_at_the_same_bits(
    recipe: Recipe, corpus_folder: Path, tmp_path: Path
) -> None:
    phases = tuple(replace(phase, steps=STEPS) for phase in recipe.phases)
    recipe = replace(recipe, phases=phases)
    finish(tmp_path / "whole", recipe, corpus_folder)
    rng = np.random.default_rng()  # another course every time
    begun_at: list[int] = []
    for _ in range(KILLS):
        process, told = start_life("", tmp_path / "parts", recipe, corpus_folder)
        step = told.recv()
        begun_at.append(step)
        for _ in range(rng.integers(1, 4)):
            step = told.recv()
        time.sleep(rng.uniform(0.0, 0.05))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL, f"it ended by itself after step {step}"
    assert begun_at == sorted(set(begun_at))
    finish(tmp_path / "parts", recipe, corpus_folder)
    assert_same_end(tmp_path / "whole", tmp_path / "parts")


@pytest.mark.parametrize("moment", ["before", "amid", "after"])
def test_killed_while_it_saves_it_ends_at_the_same_bits(
    moment: str, recipe: Recipe, corpus_folder: Path, tmp_path: Path
) -> None:
    finish(tmp_path / "whole", recipe, corpus_folder)
    process, _ = start_life(moment, tmp_path / "parts", recipe, corpus_folder)
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert load_state(tmp_path / "parts" / STATE)[1]["step"] == 2
    finish(tmp_path / "parts", recipe, corpus_folder)
    assert_same_end(tmp_path / "whole", tmp_path / "parts")
