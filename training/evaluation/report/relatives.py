"""Which scores the weights were trained on: such a score is no judge of them."""

from collections.abc import Mapping

from training.evaluation.metrics.registry import METRICS
from training.evaluation.statistics.results import Results

MARK = "†"
"""Behind the name of a metric that some of our weights were trained on, or on a relative of."""
NOT_STATED = "not stated"
"""Stands for a checkpoint whose header has no `trained_on`."""


def titled(results: Results, metric: str) -> str:
    """The metric's title, marked if some of our weights were trained on a relative of it."""
    title = METRICS[metric].title
    return f"{title} {MARK}" if learners(results, metric) else title


def learners(results: Results, metric: str) -> list[str]:
    """Those of our systems that say they were trained on the metric or a relative."""
    told = _told(results)
    family = METRICS[metric].family
    return [name for name in results.ours if family and family in _words(told.get(name, ""))]


def legend(results: Results) -> list[str]:
    """What the mark means here, and which of our systems don't say; a sentence each."""
    told = _told(results)
    names = [n for n in results.ours if any(n in learners(results, m) for m in results.metrics)]
    lines = [f"{MARK} {', '.join(names)} was trained on this score or a relative."] if names else []
    silent = [name for name in results.ours if told.get(name, NOT_STATED) == NOT_STATED]
    if silent:
        lines.append(f"{', '.join(silent)}: the checkpoint does not say what it was trained on.")
    return lines


def versions(results: Results) -> list[str]:
    """Which release each codec is, where it is known; a line each."""
    found = results.about.get("codec_versions", {})
    return [f"{name}: {version}" for name, version in found.items() if version]


def _told(results: Results) -> Mapping[str, str]:
    found: Mapping[str, str] = results.about.get("trained_on", {})
    return found


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",")]
