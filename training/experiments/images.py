"""Images: a small VQ-VAE with each quantizer, on patches of photographs."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from training.experiments.figures import add_legend, draw_lines, new_figure, save_figure
from training.experiments.methods import METHODS, Method
from training.experiments.paper_means import published_order, published_table
from training.experiments.photographs import load_patches
from training.experiments.tables import (
    Row,
    Tell,
    as_table,
    differences,
    summarise,
    summarise_items,
    write_record,
    write_rows,
)
from training.quantizers.chain import Quantized
from training.quantizers.usage import used_share

SCORES = {"ssim": "SSIM", "peak_snr_db": "Peak SNR"}


@dataclass(frozen=True)
class Settings:
    """How long and how much."""

    methods: tuple[str, ...] = ("ste-alone", "ste", "ema-alone", "ema", "nsvq-alone", "nsvq")
    data: Path | None = None
    """Folder of pictures; None is scikit-image's photographs."""
    cifar10: bool = False
    """CIFAR-10 through torchvision, kept in `data`."""
    bits: tuple[int, ...] = (6, 7, 8, 9, 10, 11)
    """Of one code; a patch of 32 x 32 has 64 codes."""
    width: int = 32
    """Channels of the network, and D."""
    steps: int = 1_000
    batch: int = 32
    learning_rate: float = 1e-3
    replace_every: int = 50
    test_patches: int = 200
    seeds: int = 3


QUICK = Settings(
    methods=("ste-alone", "nsvq"), bits=(6,), steps=15, batch=8, replace_every=5, test_patches=20,
    seeds=1,
)  # fmt: skip


class Autoencoder(nn.Module):
    """A VQ-VAE: 32 x 32 pixels to 8 x 8 codes and back."""

    def __init__(self, method: Method, codebook_size: int, width: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(3, width, 4, 2, 1), nn.ReLU(), nn.Conv2d(width, width, 4, 2, 1), nn.ReLU(),
            nn.Conv2d(width, width, 3, 1, 1), nn.ReLU(), nn.Conv2d(width, width, 1),
        )  # fmt: skip
        self.quantizer = method.build(1, codebook_size, width)
        self.decoder = nn.Sequential(
            nn.Conv2d(width, width, 3, 1, 1), nn.ReLU(),
            nn.ConvTranspose2d(width, width, 4, 2, 1), nn.ReLU(),
            nn.ConvTranspose2d(width, 3, 4, 2, 1),
        )  # fmt: skip

    def latent(self, pixels: Tensor) -> Tensor:
        """Shape: pixels [B, 3, 32, 32] in [0, 1] -> [B, D, 8, 8]."""
        latent: Tensor = self.encoder(pixels - 0.5)
        return latent

    def forward(self, pixels: Tensor) -> tuple[Tensor, Quantized]:
        """Shape: pixels [B, 3, 32, 32] in [0, 1] -> pixels, what the quantizer did."""
        latent = self.latent(pixels)
        quantized = self.quantizer(latent.flatten(2))
        return self.decoder(quantized.output.view_as(latent)) + 0.5, quantized


def run(settings: Settings, folder: Path, tell: Tell) -> str:
    """Run all of it and write the results to `folder`; what came out, as Markdown."""
    patches = load_patches(settings.data, settings.cifar10, settings.test_patches)
    runs = [
        (key, bits, seed)
        for seed in range(settings.seeds)
        for bits in settings.bits
        for key in settings.methods
    ]
    rows: list[Row] = []
    usage: list[Row] = []
    for index, (key, bits, seed) in enumerate(runs):
        tell(index / len(runs), f"{METHODS[key].title}, {bits} bits, seed {seed}")
        model = _train(settings, METHODS[key], bits, patches.train, seed)
        common = {"method": METHODS[key].title, "bits": bits, "seed": seed}
        rows += [common | row for row in _score(model, patches.test)]
        usage.append(common | {"used": _used(model, patches.test)})
    write_rows(folder / "results.csv", rows)
    means = [summarise_items(rows, ("method", "bits"), "patch", score) for score in SCORES]
    write_record(folder / "results.json", settings, means=means, usage=usage)
    _draw(folder, means)
    return _tables(rows, means, usage)


def _train(
    settings: Settings, method: Method, bits: int, patches: Tensor, seed: int
) -> Autoencoder:
    """A trained model; its codewords begin Normal like the untrained encoder's latents."""
    torch.manual_seed(seed)
    model = Autoencoder(method, 2**bits, settings.width)
    first = patches[torch.randperm(len(patches))[:256]]
    model.quantizer.initialise(model.latent(first).flatten(2), "normal")
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.Adam(weights, settings.learning_rate)
    for step in range(1, settings.steps + 1):
        pixels = patches[torch.randint(len(patches), (settings.batch,))]
        decoded, quantized = model(pixels)
        optimizer.zero_grad()
        (functional.mse_loss(decoded, pixels) + quantized.loss).backward()
        optimizer.step()
        if method.rule and step % settings.replace_every == 0 and step <= 0.8 * settings.steps:
            model.quantizer.replace(method.rule)
    return model.eval()


@torch.no_grad()
def _score(model: Autoencoder, pixels: Tensor) -> list[Row]:
    """SSIM and Peak SNR of every patch, as 8-bit colours."""
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity

    decoded = model(pixels)[0].clamp(0.0, 1.0)
    rows = []
    for patch, pair in enumerate(zip(_bytes(pixels), _bytes(decoded), strict=True)):
        snr = peak_signal_noise_ratio(*pair) if (pair[0] != pair[1]).any() else 99.0
        rows.append(
            {
                "patch": patch,
                "ssim": float(structural_similarity(*pair, channel_axis=2)),
                "peak_snr_db": float(snr),
            }
        )
    return rows


@torch.no_grad()
def _used(model: Autoencoder, pixels: Tensor) -> float:
    codes = model.quantizer.encode(model.latent(pixels).flatten(2))
    size = model.quantizer.codebooks.shape[1]
    return float(used_share(codes.flatten().bincount(minlength=size)))


def _bytes(pixels: Tensor) -> np.ndarray:
    """Shape: [N, 3, H, W] in [0, 1] -> [N, H, W, 3] uint8."""
    return (255.0 * pixels).round().byte().permute(0, 2, 3, 1).numpy()


def _draw(folder: Path, means: list[list[Row]]) -> None:
    """Write quality_against_bits, one panel a score."""
    figure, panels = new_figure(len(SCORES))
    for axes, score, mean in zip(panels, SCORES, means, strict=True):
        draw_lines(axes, mean, "bits", score)
        axes.set_ylabel(SCORES[score])
    add_legend(figure, panels[-1])
    save_figure(figure, folder, "quality_against_bits")


def _tables(rows: list[Row], means: list[list[Row]], usage: list[Row]) -> str:
    parts, reference = [], METHODS["nsvq"].title
    for (score, paper), mean in zip(SCORES.items(), means, strict=True):
        parts.append(f"{paper} by bits:\n\n{as_table(mean, 'bits', 'method', score)}")
        parts.append(
            f"Published, on CIFAR-10 ({published_order('images', paper)}):\n\n"
            f"{published_table('images', paper)}"
        )
        patches = summarise(rows, ("method", "bits", "patch"), score)
        gaps = differences(patches, reference, ("bits", "patch"), score)
        table = as_table(summarise(gaps, ("method", "bits"), score), "bits", "method", score)
        parts.append(f"{paper} of {reference} minus that of others, same patches:\n\n{table}")
    table = as_table(summarise(usage, ("method", "bits"), "used"), "bits", "method", "used")
    parts.append(f"Share of the codewords that the test patches use, by bits:\n\n{table}")
    return "\n\n".join(parts)
