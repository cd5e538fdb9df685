"""Mean differences of two codecs' scores, paired by clip, from runs of `nsvq evaluate`:

    MODULE=training.evaluation.statistics.paired_differences
    python -m $MODULE RUN/clips.csv nsvq@6 lyra@6
    python -m $MODULE A/clips.csv nsvq@6 nsvq@6 B/clips.csv

prints, for each score, what the first has more than the second, with a 95 % interval of the mean
(normal approximation) and the number of clips. Of two runs, the second codec is taken from the
second one.
"""

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from codec.errors import CodecError, EvaluationError

_NOT_SCORES = {"system", "nominal_kbps", "clip", "seconds", "lag", "encode_s", "decode_s"}
_NOT_SCORES |= {"peak_mb", "payload_kbps", "error"}

Scores = dict[str, dict[str, str]]
"""A row of the table for each clip."""


def paired_differences(first: Scores, second: Scores) -> Iterator[tuple[str, float, float, int]]:
    """For each score: the mean difference, half its 95 % interval, and the number of clips.

    Raises:
        EvaluationError: fewer than two clips have a score of both.
    """
    clips = sorted(first.keys() & second.keys())
    names = [name for name in first[clips[0]] if name not in _NOT_SCORES] if clips else []
    found = 0
    for name in names:
        pairs = [(first[clip][name], second[clip].get(name, "")) for clip in clips]
        values = np.array([(float(a), float(b)) for a, b in pairs if a and b]).reshape(-1, 2)
        if len(values) < 2:
            continue
        found += 1
        difference = values[:, 0] - values[:, 1]
        half = 1.96 * difference.std(ddof=1) / np.sqrt(len(values))
        yield name, float(difference.mean()), float(half), len(values)
    if not found:
        raise EvaluationError(f"{len(clips)} clips were coded by both; expected two with scores")


def rows_of(path: Path, codec: str) -> Scores:
    """The rows of a codec, named `SYSTEM@KBPS` as the table has it, by clip.

    Raises:
        EvaluationError: the table can't be read, or holds none.
    """
    system, sign, kbps = codec.rpartition("@")
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        wanted = float(kbps)
        found = {
            row["clip"]: row
            for row in rows
            if row["system"] == system and abs(float(row["nominal_kbps"]) - wanted) < 1e-6
        }
    except (OSError, KeyError, ValueError) as error:
        raise EvaluationError(f"{path}, {codec}: can't be read ({error})") from error
    if not found or not sign:
        raise EvaluationError(f"{path}: holds no {codec!r}; expected SYSTEM@KBPS")
    return found


def main(arguments: list[str]) -> int:
    """What `python -m` does."""
    if len(arguments) not in (3, 4):
        print(__doc__, file=sys.stderr)
        return 2
    run, first, second = arguments[:3]
    try:
        rows = (
            rows_of(Path(run), first),
            rows_of(Path(arguments[-1 if arguments[3:] else 0]), second),
        )
        for name, mean, half, count in paired_differences(*rows):
            print(f"{name} {mean:+.4f} ± {half:.4f}, n = {count}")
    except CodecError as error:
        print(f"paired_differences: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
