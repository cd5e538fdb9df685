"""Search: what keeping several hypotheses gains and costs, and how fast one codeword is found."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from codec.backends.torch_checkpoint import load_checkpoint
from codec.backends.torch_codebooks import Codebooks
from codec.backends.torch_model import CodecModel
from codec.backends.torch_search import nearest
from training.experiments.figures import draw_lines, new_figure, save_figure
from training.experiments.speech_clips import load_clips
from training.experiments.starting_point import start_codec
from training.experiments.tables import Row, Tell, as_table, summarise, write_record, write_rows


@dataclass(frozen=True)
class Settings:
    """How much."""

    checkpoint: str = ""
    """A checkpoint whose chain to search; empty for k-means codebooks on principal components."""
    data: Path | None = None
    """Folder of recordings; None is the bundled clips."""
    beams: tuple[int, ...] = (1, 2, 4, 8, 16)
    num_stages: int = 16
    codebook_size: int = 256
    sizes: tuple[int, ...] = (64, 256, 1024, 4096)
    """Codebook sizes at which ways to find the nearest codeword are timed."""
    train_clips: int = 300
    test_clips: int = 6
    repeats: int = 5
    """The fastest of so many counts, in processor time on one thread."""
    seeds: int = 1


QUICK = Settings(
    beams=(1, 2), num_stages=2, codebook_size=16, sizes=(16,), train_clips=2, test_clips=1,
    repeats=1,
)  # fmt: skip

FINDERS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "ours": nearest,
    "torch.cdist": lambda x, book: torch.cdist(x, book).argmin(1),
    "expanded": lambda x, book: torch.addmm(book.square().sum(1), x, book.T, alpha=-2).argmin(1),
}


def run(settings: Settings, folder: Path, tell: Tell) -> str:
    """Run all of it and write the results to `folder`; what came out, as Markdown."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    try:
        tell(0.0, "codebooks")
        model, latent = _codec(settings)
        rows: list[Row] = []
        for index, beam in enumerate(settings.beams):
            tell(0.3 + 0.4 * index / len(settings.beams), f"beam {beam}")
            rows.append(_search(model.quantizer, latent, beam, settings.repeats))
        tell(0.7, "nearest codeword")
        finders = _time_finders(settings)
    finally:
        torch.set_num_threads(threads)
    for row in rows:
        row["gain_db"] = row["snr_db"] - rows[0]["snr_db"]
        row["times_greedy"] = row["ms_a_frame"] / rows[0]["ms_a_frame"]
    write_rows(folder / "results.csv", [{"method": "beam"} | row for row in rows] + finders)
    write_record(folder / "results.json", settings, beams=rows, finders=finders)
    figure, panels = new_figure(1)
    draw_lines(panels[0], [{"method": "beam"} | row for row in rows], "times_greedy", "gain_db")
    save_figure(figure, folder, "gain_against_cost")
    shown = [
        {"search": f"beam {row['beam']}", "what": what, "value": row[what], "n": 1}
        for row in rows
        for what in ("snr_db", "gain_db", "times_greedy")
    ]
    tables = [as_table(shown, "what", "search", "value")]
    tables.append(
        "Time to find the nearest codeword, as a multiple of ours, by codebook size:\n\n"
        + as_table(
            summarise(finders, ("method", "size"), "times_ours"), "size", "method", "times_ours"
        )
    )
    return "\n\n".join(tables)


@torch.no_grad()
def _codec(settings: Settings) -> tuple[CodecModel, Tensor]:
    """A codec and the latent of the test clips, [1, D, F]."""
    clips = load_clips(settings.data, settings.train_clips, settings.test_clips, 10.0)
    if settings.checkpoint:
        model = load_checkpoint(Path(settings.checkpoint))[0]
    else:
        model = start_codec(clips, "nsvq-latent", settings.num_stages, settings.codebook_size, 0)
    model.eval()
    return model, torch.cat([model.analyse(wave[None, None]) for wave in clips.test], 2)


def _search(chain: Codebooks, latent: Tensor, beam: int, repeats: int) -> Row:
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        codes = chain.encode(latent, beam=beam)
        seconds.append(time.process_time() - start)
    error = (latent - chain.decode(codes)).square().mean()
    snr_db = 10 * torch.log10(latent.square().mean() / error).item()
    return {"beam": beam, "snr_db": snr_db, "ms_a_frame": 1000 * min(seconds) / latent.shape[2]}


def _time_finders(settings: Settings) -> list[Row]:
    """Processor time for 3,200 vectors of 128 dimensions, in turns."""
    rows: list[Row] = []
    for size in settings.sizes:
        vectors, book = torch.randn(3_200, 128), torch.randn(size, 128)
        best = dict.fromkeys(FINDERS, torch.inf)
        for _ in range(settings.repeats):
            for name, find in FINDERS.items():
                start = time.process_time()
                find(vectors, book)
                best[name] = min(best[name], time.process_time() - start)
        rows += [
            {"method": name, "size": size, "times_ours": seconds / best["ours"]}
            for name, seconds in best.items()
        ]
    return rows
