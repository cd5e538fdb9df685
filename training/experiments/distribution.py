"""Learn a distribution: a codebook alone, on vectors that stay as they are.

With nothing but a codebook to train, NSVQ's loss ‖x - (x + ‖x - c‖ u)‖² is ‖x - c‖², the very loss
that STE's codebook term is: the two take the same steps, and differ only by replacement.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from training.experiments.codebook_fitting import fit_codebooks
from training.experiments.codebook_training import Plan, Step, train_codebook
from training.experiments.example import draw_example, run_example
from training.experiments.figures import (
    add_legend,
    draw_lines,
    new_figure,
    save_figure,
    scale_errors,
)
from training.experiments.methods import METHODS, Method
from training.experiments.tables import (
    Row,
    Tell,
    as_table,
    summarise,
    write_record,
    write_rows,
)
from training.quantizers.offline_codebooks import Fitted
from training.quantizers.usage import used_share


@dataclass(frozen=True)
class Settings:
    """How long and how much."""

    methods: tuple[str, ...] = (
        "nsvq", "nsvq-alone", "ste", "ste-alone", "ema", "ema-alone", "diveq", "simvq", "kmeans",
    )  # fmt: skip
    bits: tuple[int, ...] = (4, 6, 8)
    width: int = 16
    """D."""
    updates: int = 800
    batch: int = 256
    """Vectors an update."""
    replace_every: int = 50
    """Updates between replacements (`num_batches`), up to four fifths of the run."""
    learning_rate: float = 1e-2
    """Adam's, falling linearly to zero."""
    test_vectors: int = 8_192
    seeds: int = 3
    example_updates: int = 20_000
    """Updates of the repository's example."""


QUICK = Settings(
    methods=("nsvq", "ste-alone", "ema", "kmeans"), bits=(4, 6), updates=150, replace_every=25,
    test_vectors=2_048, seeds=1, example_updates=400,
)  # fmt: skip


def normal(number: int, width: int) -> Tensor:
    """Independent, alike. Shape: -> [N, D]."""
    return torch.randn(number, width)


def correlated(number: int, width: int) -> Tensor:
    """Neighbouring dimensions correlate by 0.9 (a first-order autoregression). Shape: -> [N, D]."""
    steps = torch.randn(number, width)
    columns = [steps[:, 0]]
    for step in steps[:, 1:].unbind(1):
        columns.append(0.9 * columns[-1] + (1 - 0.9**2) ** 0.5 * step)
    return torch.stack(columns, 1)


def multi_modal(number: int, width: int) -> Tensor:
    """32 narrow clusters whose weights fall off harmonically. Shape: -> [N, D]."""
    centres = 3.0 * torch.randn(32, width, generator=torch.Generator().manual_seed(32))
    weights = 1.0 / torch.arange(1.0, 33.0)
    return centres[torch.multinomial(weights, number, True)] + 0.3 * torch.randn(number, width)


DISTRIBUTIONS: dict[str, Callable[[int, int], Tensor]] = {
    "normal": normal,
    "correlated": correlated,
    "multi-modal": multi_modal,
}


def run(settings: Settings, folder: Path, tell: Tell) -> str:
    """Run all of it and write the results to `folder`; what came out, as Markdown."""
    runs = [
        (name, bits, key, seed)
        for seed in range(settings.seeds)
        for name in DISTRIBUTIONS
        for bits in settings.bits
        for key in settings.methods
    ]
    rows: list[Row] = []
    curves: list[Row] = []
    for index, (name, bits, key, seed) in enumerate(runs):
        tell(0.8 * index / len(runs), f"{name}, {bits} bits, {METHODS[key].title}, seed {seed}")
        curve = _compare(settings, name, bits, METHODS[key], seed)
        common = {"distribution": name, "bits": bits, "method": METHODS[key].title, "seed": seed}
        curves += [common | point for point in curve]
        rows.append(curves[-1])
    tell(0.8, "the repository's example")
    logs = run_example(settings.example_updates)
    write_rows(folder / "results.csv", rows)
    write_rows(folder / "convergence.csv", curves)
    write_record(folder / "results.json", settings, rows=rows, example=logs)
    draw_example(folder, logs)
    _draw(folder, rows, curves)
    return _tables(rows, logs)


def _compare(settings: Settings, name: str, bits: int, method: Method, seed: int) -> list[Row]:
    """One codebook's error on vectors it does not learn from, as it learns."""
    torch.manual_seed(seed)
    draw = DISTRIBUTIONS[name]
    test = draw(settings.test_vectors, settings.width).T[None]
    chain = method.build(1, 2**bits, settings.width)
    curve: list[Row] = []

    def measure(update: int) -> None:
        codes = chain.encode(test)
        used = used_share(codes.flatten().bincount(minlength=2**bits)).item()
        error = functional.mse_loss(chain.decode(codes), test).item()
        curve.append({"update": update, "mse": error, "used": used})

    def after(step: Step) -> None:
        if step.update % max(1, settings.updates // 20) == 0 or step.update == settings.updates:
            measure(step.update)

    if isinstance(chain, Fitted):
        seen = draw(settings.updates * settings.batch, settings.width)
        fit_codebooks(chain, seen.T[None], seed)
        measure(settings.updates)
    else:
        plan = Plan(settings.updates, settings.learning_rate, method.rule, settings.replace_every)
        train_codebook(chain, lambda: draw(settings.batch, settings.width).T[None], plan, after)
    return curve


def _draw(folder: Path, rows: list[Row], curves: list[Row]) -> None:
    """Write mse_against_bits and convergence, one panel a distribution."""
    most = max(row["bits"] for row in rows)
    late = [row for row in curves if row["bits"] == most and row["method"] != "MiniBatchKMeans"]
    for file, x, chosen in (("mse_against_bits", "bits", rows), ("convergence", "update", late)):
        figure, panels = new_figure(len(DISTRIBUTIONS))
        for axes, name in zip(panels, DISTRIBUTIONS, strict=True):
            mine = [row for row in chosen if row["distribution"] == name]
            means = summarise(mine, ("method", x), "mse")
            draw_lines(axes, means, x, "mse")
            scale_errors(axes, [row["mse"] for row in means])
            axes.set_title(name if x == "bits" else f"{name}, {most} bits")
        add_legend(figure, panels[-1])
        save_figure(figure, folder, file)


def beside_ste(rows: list[Row]) -> list[Row]:
    """Rows with `ratio`, their error over STE's: the same seed gives both the same vectors."""
    title = METHODS["ste-alone"].title
    own = {(row["bits"], row["seed"]): row["mse"] for row in rows if row["method"] == title}
    return [
        row | {"ratio": row["mse"] / own[row["bits"], row["seed"]]}
        for row in rows
        if (row["bits"], row["seed"]) in own
    ]


def _tables(rows: list[Row], logs: list[Row]) -> str:
    parts = []
    for name in DISTRIBUTIONS:
        mine = [row for row in rows if row["distribution"] == name]
        table = as_table(summarise(mine, ("method", "bits"), "mse"), "bits", "method", "mse")
        parts.append(f"MSE on the {name} distribution, by bits:\n\n{table}")
        ratios = summarise(beside_ste(mine), ("method", "bits"), "ratio")
        if ratios:
            table = as_table(ratios, "bits", "method", "ratio")
            parts.append(f"As a multiple of what STE alone has at the same seed:\n\n{table}")
    first, last = logs[0], logs[-1]
    parts.append(
        f"The repository's example: MSE {first['mse']:.4f} -> {last['mse']:.4f}, perplexity "
        f"{first['perplexity']:.0f} -> {last['perplexity']:.0f} of 256, replaced "
        f"{first['replaced']} -> {last['replaced']}."
    )
    return "\n\n".join(parts)
