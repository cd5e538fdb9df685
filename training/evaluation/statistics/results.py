"""A whole run's results: made from rows, kept as one JSON file and one CSV, read back."""

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codec.errors import EvaluationError
from codec.output import new_file
from training.evaluation.jobs.rows import Row, write_csv
from training.evaluation.metrics.registry import METRICS, find_metric
from training.evaluation.statistics.bdrate import BdRate, compare
from training.evaluation.statistics.summary import Summary, summarise

FORMAT = "nsvq-evaluation-1"


@dataclass(frozen=True)
class Results:
    """Rows, what follows from them, and where they come from."""

    rows: tuple[Row, ...]
    metrics: tuple[str, ...]
    """Scored, the most important first."""
    ours: tuple[str, ...]
    """Systems that are checkpoints of this project."""
    about: Mapping[str, Any]
    """Date, command, versions: what another run needs to be the same."""
    summaries: tuple[Summary, ...]
    bd_rates: tuple[BdRate, ...]

    @property
    def systems(self) -> list[str]:
        """Names, ours first, else as they came."""
        names = list(dict.fromkeys(row.system for row in self.rows))
        return sorted(names, key=lambda name: name not in self.ours)

    @property
    def failures(self) -> list[Row]:
        """Rows in which something failed."""
        return [row for row in self.rows if row.error]

    @property
    def num_clips(self) -> int:
        """Different clips."""
        return len({row.clip for row in self.rows})

    def curve(self, system: str, metric: str) -> list[Summary]:
        """A system's summaries by rising bitrate, those without a score left out."""
        found = [s for s in self.summaries if (s.system, s.metric) == (system, metric) and s.n]
        return sorted(found, key=lambda summary: summary.payload_kbps)


def gather(
    rows: Sequence[Row], metrics: Sequence[str], ours: Sequence[str], about: Mapping[str, Any],
    *, seed: int = 0,
) -> Results:  # fmt: skip
    """Summaries and BD-rates of `rows`: ours against every peer, or, with none of ours, each pair.

    Metrics nobody has a score of are dropped.
    """
    kept = [name for name in metrics if any(name in row.scores for row in rows)]
    names = list(dict.fromkeys(row.system for row in rows))
    peers = [name for name in names if name not in ours]
    pairs = [(name, peer) for name in names if name in ours for peer in peers]
    if not ours:
        pairs = [(a, b) for index, a in enumerate(names) for b in names[index + 1 :]]
    bd_rates = [found for metric in kept for found in compare(rows, pairs, metric, seed=seed)]
    return Results(
        tuple(rows), tuple(kept), tuple(ours), about,
        tuple(summarise(rows, kept, seed)), tuple(bd_rates),
    )  # fmt: skip


def score_text(results: Results, system: str, nominal_kbps: float, metric: str) -> str:
    """Mean and half the 95 % interval of one codec at one bitrate; empty if it has no score."""
    for point in results.curve(system, metric):
        if point.nominal_kbps == nominal_kbps:
            digits = 4 if METRICS[metric].high == 1.0 else 2
            return f"{point.mean:.{digits}f} ± {(point.high - point.low) / 2:.{digits}f}"
    return ""


def write_results(results: Results, folder: Path) -> None:
    """`results.json` and `clips.csv` in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(results, folder / "results.json")
    write_csv(folder / "clips.csv", results.rows)


def write_json(results: Results, path: Path) -> None:
    """Everything in one file: what `--against` reads."""
    values = {
        "format": FORMAT,
        "about": dict(results.about),
        "ours": results.ours,
        "metrics": {name: METRICS[name].title for name in results.metrics},
        "summary": [summary.to_dict() for summary in results.summaries],
        "bd_rate": [_without_nan(dataclasses.asdict(found)) for found in results.bd_rates],
        "failures": [
            {"system": r.system, "nominal_kbps": r.nominal_kbps, "clip": r.clip, "error": r.error}
            for r in results.failures
        ],
    }
    head = json.dumps(values, indent=1)
    clips = ",\n".join("  " + json.dumps(_rounded(row.to_dict())) for row in results.rows)
    with new_file(path, force=True) as file:
        file.write(f'{head[:-2]},\n "clips": [\n{clips}\n ]\n}}\n'.encode())


def read_json(path: Path, seed: int = 0) -> Results:
    """Results that `write_json` wrote; what follows from the rows is computed again.

    Raises:
        EvaluationError: not such a file.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values["format"] != FORMAT:
            raise EvaluationError(f"{path}: format {values['format']!r}, expected {FORMAT!r}")
        rows = [Row(**row) for row in values["clips"]]
        for name in values["metrics"]:
            find_metric(name)  # a plug-in has to be loaded before it can be compared
        return gather(rows, list(values["metrics"]), values["ours"], values["about"], seed=seed)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise EvaluationError(f"{path}: not a results.json of `nsvq evaluate` ({error})") from error


def _without_nan(values: dict[str, Any]) -> dict[str, Any]:
    return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in values.items()}


def _rounded(value: Any) -> Any:
    """Floats to seven digits: enough for any comparison, and files that can be kept in git."""
    if isinstance(value, dict):
        return {name: _rounded(part) for name, part in value.items()}
    return float(f"{value:.7g}") if isinstance(value, float) else value
