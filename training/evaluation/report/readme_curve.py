"""The curve of a README or a model card: a picture, and a table between two marks."""

import re
from pathlib import Path

from codec.errors import EvaluationError
from training.evaluation.metrics.registry import METRICS
from training.evaluation.report.plots import rate_plot
from training.evaluation.report.relatives import legend, versions
from training.evaluation.report.tables import side_by_side
from training.evaluation.statistics.results import Results

START = "<!-- curve: made by `nsvq evaluate`; see docs/evaluation.md -->"
END = "<!-- /curve -->"


def write_curve(results: Results, readme: Path) -> None:
    """Draw the curve into `picture_of(readme)` and renew the block between the marks.

    Raises:
        EvaluationError: `readme` has no such marks.
    """
    text = readme.read_text(encoding="utf-8")
    picture = picture_of(readme)
    name = picture.relative_to(readme.parent).as_posix()
    block = f"{START}\n{curve_markdown(results, name)}\n{END}"
    pattern = re.escape(START) + ".*?" + re.escape(END)
    if not re.search(pattern, text, re.DOTALL):
        raise EvaluationError(f"{readme}: nowhere to put the curve; add the lines\n{START}\n{END}")
    picture.write_bytes(rate_plot(results, results.metrics[0]))
    readme.write_text(re.sub(pattern, lambda _: block, text, flags=re.DOTALL), encoding="utf-8")


def picture_of(readme: Path) -> Path:
    """`docs/curve.png` where there is a folder `docs`, else a picture named after the file."""
    if (readme.parent / "docs").is_dir():
        return readme.parent / "docs" / "curve.png"
    return readme.with_name(f"{readme.stem}-curve.png")


def curve_markdown(results: Results, picture: str) -> str:
    """Picture, date, n, and one line a codec and bitrate."""
    metrics = results.metrics
    title = METRICS[metrics[0]].title
    lines = [
        f"![Bitrate against {title}]({picture})",
        "",
        f"{results.about.get('date', '')}, {results.num_clips} clips, "
        f"{len(results.failures)} failures. `{results.about.get('command', 'nsvq evaluate')}`",
        "",
        *side_by_side(results).markdown(),
    ]
    notes = [*legend(results), *versions(results)]
    return "\n".join([*lines, "", *(f"- {note}" for note in notes), *_bd_lines(results)])


def _bd_lines(results: Results) -> list[str]:
    """One sentence a metric and peer: bitrate at equal score."""
    return [
        f"- {b.system} against {b.peer}: {b.percent:+.0f} % bitrate at equal "
        f"{METRICS[b.metric].title} (95 %: {b.interval_text(0)} %), over "
        f"{b.score_low:.2f} … {b.score_high:.2f}, n = {b.n}"
        for b in results.bd_rates
        if b.percent == b.percent and b.system in results.ours
    ]
