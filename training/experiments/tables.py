"""Rows of results: means with intervals, files to keep them in, a table to print."""

import csv
import dataclasses
import json
import platform
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

Row = dict[str, Any]
Tell = Callable[[float, str], None]
"""Called with the share done, 0 … 1, and what is being done."""


def interval_95(values: Sequence[float]) -> tuple[float, float]:
    """Mean and half the width of its 95 % interval (Student's t); 0 for a single value.

    >>> mean, half = interval_95([1.0, 2.0, 3.0])
    >>> round(mean, 3), round(half, 3)
    (2.0, 2.484)
    """
    from scipy.stats import t

    mean, number = float(np.mean(values)), len(values)
    if number < 2:
        return mean, 0.0
    error = float(np.std(values, ddof=1)) / number**0.5
    return mean, float(t.ppf(0.975, number - 1)) * error


def summarise(rows: Iterable[Row], by: Sequence[str], value: str) -> list[Row]:
    """Mean and interval of `value` over rows that agree in `by`, in order of appearance."""
    groups: dict[tuple[Any, ...], list[float]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in by), []).append(row[value])
    summary = []
    for key, values in groups.items():
        mean, half = interval_95(values)
        summary.append(
            {**dict(zip(by, key, strict=True)), value: mean, "plus_minus": half, "n": len(values)}
        )
    return summary


def summarise_items(rows: Iterable[Row], by: Sequence[str], item: str, value: str) -> list[Row]:
    """As `summarise`, over items (clips, patches), each first averaged over its seeds.

    Rows whose value is missing (None) are left out.
    """
    sound = [row for row in rows if row[value] is not None]
    return summarise(summarise(sound, (*by, item), value), by, value)


def differences(rows: Sequence[Row], method: str, match: Sequence[str], value: str) -> list[Row]:
    """`value` of `method` minus that of every other method's rows that agree with it in `match`."""
    own = {
        tuple(row[name] for name in match): row[value] for row in rows if row["method"] == method
    }
    keyed = [(tuple(row[name] for name in match), row) for row in rows if row["method"] != method]
    return [row | {value: own[key] - row[value]} for key, row in keyed if key in own]


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """Write `rows` to a CSV file; columns are those of all rows."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def write_record(path: Path, settings: Any, **results: Any) -> None:
    """Write settings, versions and results to a JSON file: what is needed to run it again."""
    machine = {name: version(name) for name in ("torch", "numpy")}
    machine |= {"python": platform.python_version(), "processor": platform.machine()}
    record = {"settings": dataclasses.asdict(settings), "machine": machine, **results}
    path.write_text(json.dumps(record, indent=1, default=str) + "\n")


def as_table(rows: Sequence[Row], across: str, down: str, value: str) -> str:
    """Rows of `summarise` as a Markdown table of `mean ± half-width`."""
    heads = list(dict.fromkeys(row[across] for row in rows))
    sides = list(dict.fromkeys(row[down] for row in rows))
    cells = {(row[down], row[across]): row for row in rows}
    lines = [f"| {down} | " + " | ".join(str(head) for head in heads) + " |"]
    lines.append("|---" * (len(heads) + 1) + "|")
    for side in sides:
        texts = [_cell(cells.get((side, head)), value) for head in heads]
        lines.append(f"| {side} | " + " | ".join(texts) + " |")
    return "\n".join(lines)


def _cell(row: Row | None, value: str) -> str:
    if row is None:
        return "–"
    digits = 2 if abs(row[value]) >= 10 else 3
    spread = f" ± {row['plus_minus']:.{digits}f}" if row["n"] > 1 else ""
    return f"{row[value]:.{digits}f}{spread}"
