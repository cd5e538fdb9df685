"""Speech: one small codec, the same data, seed and steps, with each quantizer."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from codec.errors import EvaluationError
from training.evaluation.metrics.registry import METRICS
from training.experiments.figures import add_legend, draw_lines, new_figure, save_figure
from training.experiments.methods import METHODS, Method
from training.experiments.paper_means import published_order, published_table
from training.experiments.speech_clips import SAMPLE_RATE, Clips, load_clips
from training.experiments.starting_point import start_codec
from training.experiments.tables import (
    Row,
    Tell,
    as_table,
    summarise,
    summarise_items,
    write_record,
    write_rows,
)
from training.quantizers import LearningModel

SCORES = {"pesq_wb": "PESQ", "stoi": "STOI", "psnr": "pSNR"}
"""Our metrics and what the paper calls them; pSNR is defined at `METRICS["psnr"]`."""


@dataclass(frozen=True)
class Settings:
    """How long and how much."""

    methods: tuple[str, ...] = (
        "nsvq", "nsvq-latent", "nsvq-ema", "ste", "ema", "diveq", "rotation", "simvq", "kmeans",
    )  # fmt: skip
    data: Path | None = None
    """Folder of recordings; None is the bundled clips."""
    stages: tuple[int, ...] = (1, 2, 4, 8)
    """The four operating points, of a chain as long as the last."""
    codebook_size: int = 256
    steps: int = 600
    finetune_steps: int = 150
    """Steps after them for the decoder alone, on hard codes."""
    batch: int = 8
    samples: int = 10_240
    """Of one excerpt, at 16 kHz."""
    learning_rate: float = 1e-3
    replace_every: int = 50
    train_clips: int = 300
    test_clips: int = 10
    test_s: float = 4.0
    seeds: int = 3


QUICK = Settings(
    methods=("nsvq-latent", "ste"), stages=(1, 2), codebook_size=16, steps=6, finetune_steps=2,
    batch=2, replace_every=2, test_clips=1, test_s=1.5, train_clips=3, seeds=1,
)  # fmt: skip


def run(settings: Settings, folder: Path, tell: Tell) -> str:
    """Run all of it and write the results to `folder`; what came out, as Markdown."""
    clips = load_clips(settings.data, settings.train_clips, settings.test_clips, settings.test_s)
    runs = [(key, seed) for seed in range(settings.seeds) for key in settings.methods]
    rows: list[Row] = []
    gaps: list[Row] = []
    for index, (key, seed) in enumerate(runs):
        title = METHODS[key].title
        tell(index / len(runs), f"{title}, seed {seed}")
        model = start_codec(clips, key, settings.stages[-1], settings.codebook_size, seed)
        _train(model, settings, METHODS[key], clips)
        gaps.append({"method": title, "seed": seed} | _noise_gap(model, clips))
        for decoder in ("as trained", "fine-tuned"):
            common = {"method": title, "seed": seed, "decoder": decoder}
            rows += [common | row for row in _score(model, settings, clips)]
            if decoder == "as trained":
                _finetune(model, settings, clips)
    write_rows(folder / "results.csv", rows)
    write_rows(folder / "noise_gap.csv", gaps)
    write_record(folder / "results.json", settings, rows=rows, noise_gap=gaps)
    _draw(folder, rows)
    return _tables(rows, gaps)


def _train(model: LearningModel, settings: Settings, method: Method, clips: Clips) -> None:
    """All weights, on what the surrogate gives; each item at one of the operating points."""
    chain = model.quantizer
    points = torch.tensor(settings.stages)
    for step in _steps(list(model.parameters()), settings.steps, settings.learning_rate):
        wave = clips.draw(settings.batch, settings.samples)
        stages = points[torch.randint(len(points), (settings.batch,))]
        decoded, quantized = model(wave, stages)
        (spectral_loss(wave, decoded) + quantized.loss).backward()
        if method.rule and step % settings.replace_every == 0 and step <= 0.8 * settings.steps:
            chain.replace(method.rule)


def _finetune(model: LearningModel, settings: Settings, clips: Clips) -> None:
    """The decoder alone, on hard codes; encoder and codebooks stay."""
    model.eval()
    points = torch.tensor(settings.stages)
    rate = 0.3 * settings.learning_rate
    for _ in _steps(list(model.decoder.parameters()), settings.finetune_steps, rate):
        wave = clips.draw(settings.batch, settings.samples)
        stages = points[torch.randint(len(points), (settings.batch,))]
        with torch.no_grad():
            hard = model.quantizer(model.analyse(wave), stages).hard
        spectral_loss(wave, model.synthesise(hard)[..., : wave.shape[-1]]).backward()


def _steps(weights: list[Tensor], steps: int, rate: float) -> Iterator[int]:
    """Count steps; before each gradients are zero, after each the weights move."""
    weights = [weight for weight in weights if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, rate, betas=(0.8, 0.99))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for step in range(1, steps + 1):
        optimizer.zero_grad()
        yield step
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        schedule.step()


def spectral_loss(wave: Tensor, decoded: Tensor) -> Tensor:
    """L1 between spectra compressed by 0.5, at three windows.

    Shape: wave [B, 1, T], decoded [B, 1, T] -> scalar.
    """
    loss = wave.new_zeros(())
    for window in (256, 640, 1536):
        shape = torch.hann_window(window)
        pair = torch.cat([wave, decoded])[:, 0]
        bins = torch.stft(pair, window, window // 4, window=shape, return_complex=True)
        power = bins.real**2 + bins.imag**2 + 1e-7
        parts = torch.stack([bins.real, bins.imag]) * power**-0.25
        first, second = parts.chunk(2, 1)
        high, low = (power**0.25).chunk(2)
        loss = loss + (first - second).abs().mean() + (high - low).abs().mean()
    return loss


@torch.no_grad()
def _noise_gap(model: LearningModel, clips: Clips) -> Row:
    """The test clips' loss as in training and with hard codes, all stages on."""
    sums = {"noisy": 0.0, "hard": 0.0}
    state = model.quantizer.training_state()
    books = model.quantizer.codebooks.detach().clone()
    for wave in clips.test:
        x = wave[None, None]
        stages = torch.tensor([len(books)])
        for name in list(sums):
            model.train(name == "noisy")
            sums[name] += spectral_loss(x, model(x, stages)[0]).item()
    model.quantizer.load_training_state(state)
    model.quantizer.codebooks.copy_(books)
    return {name: total / len(clips.test) for name, total in sums.items()}


@torch.no_grad()
def _score(model: LearningModel, settings: Settings, clips: Clips) -> list[Row]:
    """Every test clip at every operating point; scores that fail are left empty."""
    model.eval()
    rows = []
    for name, wave in zip(clips.names, clips.test, strict=True):
        for stages in settings.stages:
            decoded = model.decode(model.encode(wave[None, None], stages))[0, 0, : len(wave)]
            row: Row = {"clip": name, "kbps": model.config.bitrate_kbps(stages)}
            for key in SCORES:
                try:
                    row[key] = METRICS[key].compute(wave.numpy(), decoded.numpy(), SAMPLE_RATE)
                except EvaluationError:
                    row[key] = None
            rows.append(row)
    return rows


def _draw(folder: Path, rows: list[Row]) -> None:
    figure, panels = new_figure(len(SCORES))
    tuned = [row for row in rows if row["decoder"] == "fine-tuned"]
    for axes, key in zip(panels, SCORES, strict=True):
        draw_lines(axes, summarise_items(tuned, ("method", "kbps"), "clip", key), "kbps", key)
        axes.set_ylabel(METRICS[key].title)
    add_legend(figure, panels[-1])
    save_figure(figure, folder, "quality_against_bitrate")


def _tables(rows: list[Row], gaps: list[Row]) -> str:
    parts = []
    for decoder in ("as trained", "fine-tuned"):
        mine = [row for row in rows if row["decoder"] == decoder]
        for key, paper in SCORES.items():
            table = as_table(
                summarise_items(mine, ("method", "kbps"), "clip", key), "kbps", "method", key
            )
            parts.append(f"{METRICS[key].title}, decoder {decoder}, by kbps:\n\n{table}")
            if decoder == "fine-tuned":
                parts.append(
                    f"Published {paper} (another codec and data; only the order compares: "
                    f"{published_order('speech', paper)}):\n\n"
                    f"{published_table('speech', paper)}"
                )
    sides = [
        {"method": row["method"], "codes": name, "loss": row[name]}
        for row in gaps
        for name in ("noisy", "hard")
    ]
    table = as_table(summarise(sides, ("method", "codes"), "loss"), "codes", "method", "loss")
    parts.append(f"Loss on test clips with what training sees and with hard codes:\n\n{table}")
    return "\n\n".join(parts)
