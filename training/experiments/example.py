"""The example of the paper's repository: Normal data, 128 dimensions, 8 bits, batches of 64."""

from pathlib import Path

import torch

from training.experiments.codebook_training import Plan, Step, train_codebook
from training.experiments.figures import new_figure, save_figure
from training.experiments.methods import METHODS
from training.experiments.tables import Row
from training.quantizers.usage import perplexity

BITS, WIDTH, BATCH = 8, 128, 64
LOGS = 20


def run_example(updates: int) -> list[Row]:
    """Train NSVQ with replacement; a row of loss, perplexity, usage for every twentieth of it."""
    torch.manual_seed(0)
    every = max(1, updates // LOGS)
    plan = Plan(updates, 1e-3, METHODS["nsvq"].rule, every)
    chain = METHODS["nsvq"].build(1, 2**BITS, WIDTH)
    counts, errors, rows = torch.zeros(2**BITS), [], []

    def log(step: Step) -> None:
        errors.append(step.mse)
        counts.add_(step.codes.flatten().bincount(minlength=2**BITS))
        if step.update % every == 0:
            rows.append(
                {
                    "update": step.update,
                    "mse": sum(errors) / len(errors),
                    "perplexity": perplexity(counts).item(),
                    "replaced": step.replaced,
                    "usage": counts.tolist(),
                }
            )
            counts.zero_()
            errors.clear()

    train_codebook(chain, lambda: torch.randn(1, WIDTH, BATCH), plan, log)
    return rows


def draw_example(folder: Path, rows: list[Row]) -> None:
    """Write training_logs.png and .pdf: loss, perplexity, replacements, usage first and last."""
    figure, panels = new_figure(4)
    updates = [row["update"] for row in rows]
    for axes, name in zip(panels, ("mse", "perplexity", "replaced"), strict=False):
        axes.plot(updates, [row[name] for row in rows], marker=".")
        axes.locator_params(axis="x", nbins=4)
        axes.set_xlabel("update")
        axes.set_ylabel(name)
    for row in (rows[0], rows[-1]):
        panels[3].stairs(sorted(row["usage"], reverse=True), label=f"to update {row['update']}")
    panels[3].set_yscale("symlog")
    panels[3].set_xlabel("codeword, most used first")
    panels[3].set_ylabel("times chosen")
    panels[3].legend()
    save_figure(figure, folder, "training_logs")
