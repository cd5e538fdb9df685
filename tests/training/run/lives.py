"""One life of a run, for a process of its own (`runpy.run_path` with what `life` should be).

It saves after every step and tells of each; it may end itself inside its third save.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import BinaryIO

import torch

import training.run.state_file
from codec.output import new_file
from training.corpora import load_corpus
from training.recipe import Recipe
from training.run.loop import FitOptions, fit
from training.run.state import Run


def live(folder: Path, recipe: Recipe, corpus_folder: Path, steps: Connection) -> None:
    torch.set_num_threads(1)
    run, step = Run(recipe, load_corpus(corpus_folder, 16_000)), Run.train_step

    def told(self: Run) -> dict[str, float]:
        values = step(self)
        steps.send(self.step)
        return values

    Run.train_step = told  # type: ignore[method-assign]
    fit(run, folder, [], [4], FitOptions(save_every_s=0.0, log_every=5))


def die_while_saving(moment: str) -> None:
    """Let the third save be the last thing done: killed before, amid or after the writing."""
    saves = iter(range(100))

    @contextmanager
    def deadly(path: Path, force: bool) -> Iterator[BinaryIO]:
        last = next(saves) == 2
        if last and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        with new_file(path, force) as file:
            yield file
            if last and moment == "amid":
                file.truncate(1_000)
            if last:
                file.flush()
                os.kill(os.getpid(), signal.SIGKILL)

    training.run.state_file.new_file = deadly


if "life" in globals():
    moment, arguments = globals()["life"]
    if moment:
        die_while_saving(moment)
    live(*arguments)
