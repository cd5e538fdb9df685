"""What every stage of the residual chain is worth: how many codewords it uses, what it adds."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from codec import Codec
from codec.errors import AudioError
from training.evaluation.clips import SAMPLE_RATE, Clip, read_reference
from training.evaluation.jobs.rows import Row
from training.evaluation.statistics.summary import bootstrap_interval
from training.quantizers.usage import perplexity, used_share


@dataclass(frozen=True)
class Gain:
    """A score with so many stages, and what the last of them added on the same clips."""

    mean: float
    added: float
    """Mean difference to one stage less; NaN for the first."""
    low: float
    high: float
    """95 % bootstrap interval of `added`, paired by clip."""
    n: int
    """Clips scored."""


@dataclass(frozen=True)
class Stage:
    """One stage; `gains` are those of all stages up to it."""

    number: int
    """From 1."""
    kbps: float
    """Nominal bitrate with all stages up to it."""
    perplexity: float
    """Of its codes: from 1 (always the same) to the codebook's size (all alike)."""
    used_share: float
    """Share of its codewords chosen at least once."""
    gains: dict[str, Gain]
    """By metric."""


def count_codes(codes: Tensor, codebook_size: int) -> Tensor:
    """How often each stage chose each codeword. Shape: codes [Q, F] -> [Q, K]."""
    counts = torch.zeros(len(codes), codebook_size, device=codes.device)
    return counts.scatter_add_(1, codes, torch.ones_like(codes, dtype=counts.dtype))


def code_clips(codec: Codec, clips: Iterable[Clip]) -> Tensor:
    """All stages' codes of all clips that can be read, one after the other. Shape: -> [Q, F]."""
    found = [torch.zeros(codec.config.num_stages, 0, dtype=torch.long)]
    for clip in clips:
        try:
            wave = torch.from_numpy(read_reference(clip).astype(np.float32) / 32768.0)
        except AudioError:
            continue
        found.append(torch.as_tensor(codec.encode(wave, SAMPLE_RATE))[0])
    return torch.cat(found, 1)


def describe_stages(
    codec: Codec, codes: Tensor, rows: Sequence[Row], metrics: Sequence[str]
) -> list[Stage]:
    """Every stage of a codec.

    Args:
        rows: one a clip and number of stages, as `nsvq evaluate` makes them.

    Shape: codes [Q, F], greedy ones of the same clips.
    """
    counts = count_codes(codes, codec.config.codebook_size)
    spread, used = perplexity(counts).tolist(), used_share(counts).tolist()
    tables = {metric: _scores(rows, codec.bitrates_kbps, metric) for metric in metrics}
    return [
        Stage(
            index + 1,
            kbps,
            spread[index],
            used[index],
            {metric: _gain(table, index) for metric, table in tables.items()},
        )
        for index, kbps in enumerate(codec.bitrates_kbps)
    ]


def _scores(rows: Sequence[Row], rates_kbps: Sequence[float], metric: str) -> np.ndarray:
    """Scores of the clips that have one at every rate. Shape: -> [clips, rates]."""
    found: dict[str, dict[float, float]] = {}
    for row in rows:
        if metric in row.scores:
            found.setdefault(row.clip, {})[row.nominal_kbps] = row.scores[metric]
    whole = [scores for scores in found.values() if len(scores) == len(rates_kbps)]
    table = [[scores[kbps] for kbps in rates_kbps] for scores in whole]
    return np.asarray(table, float).reshape(len(table), len(rates_kbps))


def _gain(table: np.ndarray, index: int) -> Gain:
    """Shape: table [clips, rates]."""
    mean = float(table[:, index].mean()) if len(table) else math.nan
    if index == 0 or not len(table):
        return Gain(mean, math.nan, math.nan, math.nan, len(table))
    added = table[:, index] - table[:, index - 1]
    return Gain(mean, float(added.mean()), *bootstrap_interval(added), len(table))
