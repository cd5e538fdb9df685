"""One life of a run, for a process of its own (`runpy.run_path` with what `life` should be).

It saves after every step and tells of each; it may end itself inside its third save.
"""

import os
import signal
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

import training.state
from training.corpora import load_corpus
from training.fit import FitOptions, fit
from training.recipe import Recipe
from training.run import Run


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
    write, saves = training.state.save_file, iter(range(100))

    def deadly(tensors: Any, path: Path, metadata: Any) -> None:
        last = next(saves) == 2
        if last and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        write(tensors, path, metadata=metadata)
        if last and moment == "amid":
            path.write_bytes(path.read_bytes()[:1_000])
        if last:
            os.kill(os.getpid(), signal.SIGKILL)

    training.state.save_file = deadly


if "life" in globals():
    moment, arguments = globals()["life"]
    if moment:
        die_while_saving(moment)
    live(*arguments)
