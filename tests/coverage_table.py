"""The table of line coverage in docs/robustness.md, from what `make test-only` measured.

    python tests/coverage_table.py          writes it anew (`make coverage`)

Per folder of `codec/` how many lines there are and how many run; below, the functions in which
some line doesn't.
"""

import ast
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "robustness.md"
BEGIN, END = "<!-- coverage: made by `make coverage` -->", "<!-- /coverage -->"
Measured = dict[str, tuple[int, list[int]]]
"""By path below the root: the number of statements, and lines that didn't run."""


def measured() -> Measured:
    """What the last run found."""
    from coverage import Coverage  # pytest looks for doctests here, without it maybe

    found = Coverage(data_file=str(ROOT / ".coverage"))
    found.load()
    lines: Measured = {}
    for path in sorted((ROOT / "codec").rglob("*.py")):
        _, statements, _, missing, _ = found.analysis2(str(path))
        lines[path.relative_to(ROOT).as_posix()] = (len(statements), missing)
    return lines


def function_names(source: str, lines: Sequence[int]) -> list[str]:
    """The innermost functions that `lines` stand in, each once.

    >>> function_names("class A:\\n    def b(self):\\n        pass\\nx = 1", [3, 4])
    ['A.b', 'the module itself']
    """
    spans = list(_spans(ast.parse(source), ""))
    names = []
    for line in lines:
        around = [(last - first, name) for first, last, name in spans if first <= line <= last]
        names.append(min(around)[1] if around else "the module itself")
    return list(dict.fromkeys(names))


def _spans(node: ast.AST, above: str) -> Iterator[tuple[int, int, str]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            name = f"{above}{child.name}"
            if not isinstance(child, ast.ClassDef):
                yield child.lineno, child.end_lineno or child.lineno, name
            yield from _spans(child, f"{name}.")
        else:
            yield from _spans(child, above)


def table(lines: Measured, date: str) -> str:
    """Markdown: folders with their share, then what doesn't run."""
    folders: dict[str, list[int]] = {}
    for path, (total, missing) in lines.items():
        counts = folders.setdefault(str(Path(path).parent), [0, 0])
        counts[0] += total
        counts[1] += len(missing)
    folders["all"] = [sum(column) for column in zip(*folders.values(), strict=True)]
    rows = [
        f"| `{folder}` | {total:,} | {100 * (1 - missing / max(1, total)):.1f} % |"
        for folder, (total, missing) in folders.items()
    ]
    left = []
    for path, (_, missing) in lines.items():
        if missing:
            names = function_names((ROOT / path).read_text(encoding="utf-8"), missing)
            left.append(f"| `{path}` | {len(missing)} | {', '.join(f'`{n}`' for n in names)} |")
    head = f"{date}, Python {sys.version_info.major}.{sys.version_info.minor}"
    return "\n".join(
        [head, "", "| folder | statements | run |", "|---|---|---|", *rows, "",
         "| file | don't run | in |", "|---|---|---|", *left]
    )  # fmt: skip


def main() -> None:
    """Write the table into the document."""
    text = DOCUMENT.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    made = table(measured(), datetime.now(UTC).date().isoformat())
    DOCUMENT.write_text(f"{before}{BEGIN}\n{made}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
