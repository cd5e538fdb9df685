"""The paper's published means, to print beside ours; `published/README.md` tells their source."""

import json
from pathlib import Path

FOLDER = Path(__file__).parent / "paper"


def published_table(figure: str, metric: str) -> str:
    """One metric of `speech` or `images` as a Markdown table."""
    numbers = json.loads((FOLDER / f"{figure}.json").read_text())
    unit = "kbps" if "kbps" in numbers else "bits"
    lines = [f"| method | {' | '.join(f'{x:g} {unit}' for x in numbers[unit])} |"]
    lines.append("|---" * (len(numbers[unit]) + 1) + "|")
    for method, values in numbers[metric].items():
        lines.append(f"| {method} | {' | '.join(f'{value:.3f}' for value in values)} |")
    return "\n".join(lines)


def published_order(figure: str, metric: str) -> str:
    """The methods, best first, by their mean over all rates.

    >>> published_order("speech", "PESQ")
    'NSVQ > STE'
    """
    numbers = json.loads((FOLDER / f"{figure}.json").read_text())[metric]
    return " > ".join(sorted(numbers, key=lambda method: -sum(numbers[method])))
