"""How good a model is right now: PESQ, STOI and how many codewords it uses, on a few held-out clips
with hard codes."""

from collections.abc import Sequence

import numpy as np
import torch

from codec.backends.torch_model import CodecModel
from codec.errors import EvaluationError, TrainingError
from training.corpora import Corpus
from training.evaluation.metrics.registry import score
from training.evaluation.statistics.stages import count_codes
from training.quantizers.usage import perplexity, used_share

_SHORTEST_S = 2.0
_LONGEST_S = 8.0


def validation_clips(corpus: Corpus, number: int) -> list[np.ndarray]:
    """About `number` clips of at least 2 s, evenly over the corpus, cut to 8 s.

    Shape: -> float32 [T] each.

    Raises:
        TrainingError: none is that long.
    """
    rate = corpus.sample_rate
    long_enough = [clip for clip in corpus.clips if len(clip) >= _SHORTEST_S * rate]
    if not long_enough:
        raise TrainingError(f"no recording of at least {_SHORTEST_S:g} s to validate on")
    every = max(1, round(len(long_enough) / number))
    cut = int(_LONGEST_S * rate)
    return [clip[:cut].astype(np.float32) / 32768.0 for clip in long_enough[::every]]


@torch.no_grad()
def validate(
    model: CodecModel, clips: Sequence[np.ndarray], stages: Sequence[int]
) -> dict[str, float]:
    """Mean scores by metric and bitrate; clips that can't be scored are left out and counted.

    Args:
        stages: numbers of stages to score, each a bitrate.

    Shape: clips [T] each -> {"pesq_wb/6kbps": …, "stoi/6kbps": …, "perplexity/stage01": …,
    "used/stage01": …}.
    """
    device = model.spectrum.window.device
    scores: dict[str, list[float]] = {}
    failures, all_codes = 0, []
    for clip in clips:
        codes = model.encode(torch.from_numpy(clip).to(device)[None, None])
        all_codes.append(codes[0])
        for number in stages:
            decoded = model.decode(codes[:, :number])[0, 0, : len(clip)].cpu().numpy()
            rate = f"{model.config.bitrate_kbps(number):g}kbps"
            try:
                found = score(clip, decoded, model.config.sample_rate, ("pesq_wb", "stoi"))
            except EvaluationError:
                failures += 1
                continue
            for name, value in found.items():
                scores.setdefault(f"{name}/{rate}", []).append(value)
    means = {name: float(np.mean(values)) for name, values in scores.items()}
    counts = count_codes(torch.cat(all_codes, 1), model.config.codebook_size)
    for stage, (spread, used) in enumerate(
        zip(perplexity(counts).tolist(), used_share(counts).tolist(), strict=True), start=1
    ):
        means |= {f"perplexity/stage{stage:02}": spread, f"used/stage{stage:02}": used}
    return means | ({"failures": float(failures)} if failures else {})
