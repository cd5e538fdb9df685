"""`nsvq reconstruct`: what the codec makes of a recording, to hear, to see and in numbers."""

import io
import math
import os
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import BinaryIO

import click
import numpy as np

from app.batch import Manner, run_jobs
from app.coding import Encode
from app.files import NSVQ_SUFFIX, plan_jobs
from app.options import (
    checkpoint_option,
    effort_option,
    output_options,
    rate_options,
    vbr_option,
)
from app.work import Facts, Place, Progress
from codec.formats import ALL

EXAMPLES = Path(__file__).parent.parent / "examples"
"""Recordings that come with the program."""
EXAMPLE = EXAMPLES / "librispeech-1988.flac"
BESIDE = (".wav", ".png")
"""What is made besides the .nsvq file: the decoded recording and the picture."""
PICTURE_S = 30
"""Longer recordings are drawn up to here."""


@dataclass(frozen=True)
class Reconstruct:
    """Codes, decodes, measures and draws one recording after the other."""

    encode: Encode

    def load(self) -> object:
        """The codec."""
        return self.encode.load()

    def __call__(self, source: Place, target: Place, progress: Progress) -> Facts:
        """Rebuild a recording and compare; all three files appear in the end, or none."""
        from codec.output import new_file

        assert isinstance(target, Path)
        places = (target, *(target.with_suffix(suffix) for suffix in BESIDE))
        with ExitStack() as stack:
            files = [stack.enter_context(new_file(path, self.encode.force)) for path in places]
            facts = self._compare(_readable_twice(source), files, progress)
        return {**facts, "wav": str(places[1]), "picture": str(places[2])}

    def _compare(self, source: Place, files: Sequence[BinaryIO], progress: Progress) -> Facts:
        from app.spectrogram import draw_pair
        from codec.audio import read_audio, resample
        from codec.files import decompress_file

        coded, wav, picture = files
        codec = self.encode.load()
        facts = self.encode(source, coded, progress)
        start = time.perf_counter()
        coded.seek(0)
        decompress_file(codec, coded, wav)
        decode_s = time.perf_counter() - start
        wav.seek(0)
        if not isinstance(source, Path):
            source.seek(0)
        rate = codec.config.sample_rate
        original, decoded = (resample(*read_audio(place), rate) for place in (source, wav))
        most = PICTURE_S * rate
        title = f"decoded from {facts['nominal_kbps']:g} kbps"
        draw_pair(picture, original[0, :most], decoded[0, :most], rate, title)
        scores = mean_scores(original, decoded, rate)
        return {**facts, **scores, "encode_s": facts["elapsed_s"], "decode_s": decode_s}


def _readable_twice(source: Place) -> Place:
    """A pipe or a device gives its bytes only once: they are kept, under its name."""
    if not isinstance(source, Path) or not source.exists() or source.is_file():
        return source
    kept = io.BytesIO(source.read_bytes())
    kept.name = str(source)
    return kept


@click.command()
@click.argument("inputs", nargs=-1, metavar="[IN...]")
@rate_options
@vbr_option
@checkpoint_option
@effort_option
@output_options
def command(
    *,
    inputs: tuple[str, ...],
    output: str | None,
    bitrate: float | None,
    stages: int | None,
    vbr: bool,
    checkpoint: str,
    effort: int,
    manner: Manner,
) -> None:
    """Encode recordings, decode them again, and tell what that did to them.

    Writes the .nsvq file, the decoded wav and a picture of both spectrograms to --output, a folder
    ("reconstructed" if not given). Without IN, a recording that comes with the program is used.
    PESQ and STOI compare at the network's 16 kHz: what a recording has above 8 kHz is not missed.
    """
    if "-" in (*inputs, output):
        raise click.UsageError("reconstruct works on files and folders, not on standard streams")
    for package in ("matplotlib", "pesq", "pystoi"):
        import_module(package)  # what is missing is told before any work

    folder = (output or "reconstructed").rstrip(os.sep) + os.sep
    plan = plan_jobs(
        inputs or (str(EXAMPLE),), folder, reads=ALL, writes=NSVQ_SUFFIX, beside=BESIDE
    )
    work = Reconstruct(Encode(checkpoint, effort, bitrate, stages, False, manner.force, vbr=vbr))
    run_jobs(plan, work, manner, tell=_text)


def mean_scores(original: np.ndarray, decoded: np.ndarray, sample_rate: int) -> Facts:
    """PESQ-WB and STOI, averaged over channels; None where a recording can't be scored.

    Shape: original [C, T], decoded [C, T].
    """
    from codec.errors import EvaluationError
    from training.evaluation.metrics.registry import score

    scores: Facts = {}
    for name in ("pesq_wb", "stoi"):
        try:
            pairs = zip(original, decoded, strict=True)
            values = [score(a, b, sample_rate, (name,))[name] for a, b in pairs]
            scores[name] = math.fsum(values) / len(values)
        except EvaluationError:
            scores[name] = None
    return scores


def _text(facts: Facts) -> str:
    def shown(value: float | None, digits: int) -> str:
        return "can't be scored" if value is None else f"{value:.{digits}f}"

    rows = {
        "original": facts["input"],
        "coded": facts["output"],
        "decoded": facts["wav"],
        "picture": facts["picture"],
        "seconds": f"{facts['seconds']:.2f}",
        "bytes": f"{facts['coded_bytes']:,}",
        "kbps": f"{facts['coded_kbps']:.2f} ({facts['nominal_kbps']:g} nominal)",
        "PESQ-WB": shown(facts["pesq_wb"], 2),
        "STOI": shown(facts["stoi"], 3),
    }
    return "\n".join(f"{name:<9}{value}" for name, value in rows.items())
