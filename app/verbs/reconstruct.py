"""`nsvq reconstruct`: what the codec makes of a recording, to hear, to see and in numbers."""

import math
import os
import time
from importlib import import_module
from pathlib import Path

import click
import numpy as np

from app.batch import Facts, Place, Progress, coded_facts, run_jobs
from app.files import AUDIO_SUFFIXES, NSVQ_SUFFIX, plan_jobs
from app.options import checkpoint_option, effort_option, output_options, rate_options, say_nearest

EXAMPLES = Path(__file__).parent.parent / "examples"
"""Recordings that come with the program."""
EXAMPLE = EXAMPLES / "librispeech-1988.flac"
PICTURE_S = 30
"""Longer recordings are drawn up to here."""


@click.command()
@click.argument("inputs", nargs=-1, metavar="[IN...]")
@rate_options
@checkpoint_option
@effort_option
@output_options
def command(
    *,
    inputs: tuple[str, ...],
    output: str | None,
    bitrate: float | None,
    stages: int | None,
    checkpoint: str,
    effort: int,
    force: bool,
    as_json: bool,
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
    from codec import Codec

    folder = (output or "reconstructed").rstrip(os.sep) + os.sep
    jobs = plan_jobs(inputs or (str(EXAMPLE),), folder, reads=AUDIO_SUFFIXES, writes=NSVQ_SUFFIX)
    codec = Codec.load(checkpoint, effort=effort)
    num_stages = codec.stages_for(bitrate, stages)
    say_nearest(bitrate, codec.config.bitrate_kbps(num_stages), set())

    from app.spectrogram import draw_pair
    from codec.audio import read_audio, resample
    from codec.files import compress_file, decompress_file
    from codec.output import check_target

    def work(source: Place, target: Place, progress: Progress) -> Facts:
        assert isinstance(target, Path)
        wav, picture = target.with_suffix(".wav"), target.with_suffix(".png")
        for path in (wav, picture):
            check_target(path, force)
        start = time.perf_counter()
        coded = compress_file(codec, source, target, num_stages=num_stages, force=force)
        middle = time.perf_counter()
        decompress_file(codec, target, wav, force=force)
        end = time.perf_counter()
        rate = codec.config.sample_rate
        original, decoded = (resample(*read_audio(path), rate) for path in (source, wav))
        most = PICTURE_S * rate
        title = f"decoded from {coded.header.bitrate_kbps():g} kbps"
        draw_pair(picture, original[0, :most], decoded[0, :most], rate, title)
        return {
            **coded_facts(coded),
            **mean_scores(original, decoded, rate),
            "wav": str(wav),
            "picture": str(picture),
            "encode_s": middle - start,
            "decode_s": end - middle,
        }

    run_jobs(jobs, work, force=force, as_json=as_json, tell=_text)


def mean_scores(original: np.ndarray, decoded: np.ndarray, sample_rate: int) -> Facts:
    """PESQ-WB and STOI, averaged over channels; None where a recording can't be scored.

    Shape: original [C, T], decoded [C, T].
    """
    from codec.errors import EvaluationError
    from training.evaluation.metrics import score

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
