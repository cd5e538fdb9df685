"""One row of results a clip, codec and bitrate; how rows are kept as CSV and read back."""

import csv
import dataclasses
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codec.errors import EvaluationError
from training.evaluation.metrics.registry import METRICS


@dataclass(frozen=True)
class Row:
    """What one codec made of one clip at one bitrate. NaN: not measured."""

    system: str
    nominal_kbps: float
    """Bitrate asked for."""
    clip: str
    seconds: float = math.nan
    kbps: float = math.nan
    """The coded file on disk."""
    payload_kbps: float = math.nan
    """The same without container."""
    lag: int = 0
    """Samples at 16 kHz by which the decoded wave was late."""
    encode_s: float = math.nan
    """Processor seconds; of programs, with their start."""
    decode_s: float = math.nan
    peak_mb: float = math.nan
    """Highest resident memory of encoder and decoder."""
    scores: dict[str, float] = field(default_factory=dict)
    error: str = ""
    """What failed; empty if nothing did."""

    @property
    def identity(self) -> tuple[str, float, str]:
        """Codec, bitrate and clip. Rows as a whole can't be compared: NaN is not equal to NaN."""
        return self.system, self.nominal_kbps, self.clip

    @property
    def corpus(self) -> str:
        """First folder of the clip's name."""
        return self.clip.split("/")[0] if "/" in self.clip else ""

    @property
    def speaker(self) -> str:
        """Second folder of the clip's name."""
        parts = self.clip.split("/")
        return parts[1] if len(parts) > 2 else self.clip

    @property
    def weight(self) -> float:
        """Its share in a mean bitrate: its seconds, 1 if they are not known."""
        return self.seconds if math.isfinite(self.seconds) else 1.0

    def value(self, name: str) -> float:
        """A score or another number by its name; NaN if it is missing."""
        return float(self.scores.get(name, math.nan) if name in METRICS else getattr(self, name))

    def to_dict(self) -> dict[str, Any]:
        """Plain values; what was not measured is left out."""
        values = dataclasses.asdict(self)
        return {k: v for k, v in values.items() if not (isinstance(v, float) and math.isnan(v))}


_TEXT = ("system", "clip", "error")
_NUMBERS = (
    "nominal_kbps", "seconds", "kbps", "payload_kbps", "lag", "encode_s", "decode_s", "peak_mb",
)  # fmt: skip
_ALIASES = {"codec": "system", "nominal": "nominal_kbps"}


def write_csv(path: Path, rows: Iterable[Row]) -> None:
    """Write `rows`, one column a number, one a metric."""
    rows = list(rows)
    metrics = [name for name in METRICS if any(name in row.scores for row in rows)]
    names = ["system", "nominal_kbps", "clip", *_NUMBERS[1:], *metrics, "error"]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, restval="")
        writer.writeheader()
        for row in rows:
            values = row.to_dict()
            writer.writerow({k: _short(v) for k, v in (values | values.pop("scores")).items()})


def read_csv(path: Path) -> list[Row]:
    """Rows of a per-clip table, ours or another's.

    Needed are the columns `system` (or `codec`), `nominal_kbps` (or `nominal`), `clip`, `kbps` and
    one metric at least. Without `payload_kbps`, `kbps` is taken to be free of any container.

    Raises:
        EvaluationError: a column is missing, a value is not a number, a clip comes twice.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            table = [
                {_ALIASES.get(k, k): v for k, v in line.items() if k}
                for line in csv.DictReader(file)
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise EvaluationError(f"{path}: can't be read as a table ({error})") from error
    columns = set(table[0]) if table else set()
    missing = {"system", "nominal_kbps", "clip", "kbps"} - columns
    if missing or not columns & set(METRICS):
        raise EvaluationError(
            f"{path}: no column {', '.join(sorted(missing)) or 'of a metric'};"
            f" known metrics: {', '.join(METRICS)}"
        )
    rows = [_parse(path, number, line) for number, line in enumerate(table, start=2)]
    if row := first_twice(rows):
        raise EvaluationError(f"{path}: {row.system} {row.nominal_kbps:g}, {row.clip}: comes twice")
    return rows


def failures_by_clip(rows: Iterable[Row]) -> list[tuple[str, str, list[str]]]:
    """Clip, reason, and the codecs and bitrates that met it, of all failures among `rows`."""
    runs: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row.error:
            runs.setdefault((row.clip, row.error), []).append(f"{row.system} {row.nominal_kbps:g}")
    return [(clip, error, names) for (clip, error), names in runs.items()]


def first_twice(rows: Iterable[Row]) -> Row | None:
    """The first row whose codec, bitrate and clip another one had before it."""
    seen: set[tuple[str, float, str]] = set()
    for row in rows:
        if row.identity in seen:
            return row
        seen.add(row.identity)
    return None


def _parse(path: Path, number: int, line: dict[str, str]) -> Row:
    try:
        numbers = {name: float(line[name]) for name in _NUMBERS if line.get(name)}
        scores = {name: float(line[name]) for name in METRICS if line.get(name)}
        if not all(map(math.isfinite, (*numbers.values(), *scores.values()))):
            raise ValueError("not a finite number; leave out what is not known")
    except ValueError as error:
        raise EvaluationError(f"{path}, line {number}: {error}") from error
    text = {name: line.get(name) or "" for name in _TEXT}
    numbers.setdefault("payload_kbps", numbers.get("kbps", math.nan))
    lag = int(numbers.pop("lag", 0))
    return Row(**text, **numbers, lag=lag, scores=scores)  # type: ignore[arg-type]


def _short(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float) else value
