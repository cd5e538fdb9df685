"""Is a run better or worse than an earlier one, beyond noise? A paired test over clips."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from codec.errors import EvaluationError
from training.evaluation.jobs.rows import Row
from training.evaluation.metrics.registry import METRICS
from training.evaluation.statistics.results import Results

SIGNIFICANCE = 0.05
"""Chance that a run which is the same in truth is called different, over all lines together."""
KBPS_TOLERANCE = 0.01
"""Change of the mean bitrate, in kbps on disk, that is taken for real."""


@dataclass(frozen=True)
class Change:
    """One codec at one bitrate by one metric, before and after."""

    system: str
    nominal_kbps: float
    metric: str
    """A metric, `kbps`, or `failures`."""
    n: int
    """Clips in both runs."""
    before: float
    after: float
    p: float
    """Of a paired t-test over clips, corrected for the number of lines (Holm)."""
    verdict: str
    """`better`, `worse` or `same`."""


def against(baseline: Results, current: Results) -> list[Change]:
    """Every codec, bitrate and metric that both runs hold.

    A change counts if the test finds it and it exceeds the metric's tolerance: identical weights
    on another machine move every clip a little, which a test alone would call certain.

    Raises:
        EvaluationError: the two runs have nothing in common, or another recording under one name.
    """
    before, after = _groups(baseline.rows), _groups(current.rows)
    metrics = [name for name in baseline.metrics if name in current.metrics]
    changes: list[Change] = []
    for key in before.keys() & after.keys():
        clips = sorted(before[key].keys() & after[key].keys())
        if not clips:
            continue
        pairs = [(before[key][clip], after[key][clip]) for clip in clips]
        _refuse_other_recordings(pairs)
        changes += [_failures(key, pairs)]
        changes += [c for name in (*metrics, "kbps") if (c := _change(key, name, pairs))]
    if not changes:
        raise EvaluationError("the two runs have no clip of the same codec and bitrate in common")
    order = {name: index for index, name in enumerate((*metrics, "kbps", "failures"))}
    changes.sort(key=lambda c: (c.system, order[c.metric], c.nominal_kbps))
    return _judge(changes)


def not_compared(baseline: Results, current: Results) -> list[str]:
    """What the baseline holds and the current run does not, one line each: no gate watches it."""
    before, after = _groups(baseline.rows), _groups(current.rows)
    lines = [f"metric {name}" for name in baseline.metrics if name not in current.metrics]
    for (system, kbps), clips in sorted(before.items()):
        missing = clips.keys() - after.get((system, kbps), {}).keys()
        if len(missing) == len(clips):
            lines.append(f"{system} {kbps:g} kbps")
        elif missing:
            lines.append(f"{system} {kbps:g} kbps: {len(missing)} of {len(clips)} clips")
    return lines


def _refuse_other_recordings(pairs: list[tuple[Row, Row]]) -> None:
    """Clips are paired by name, which is only right if the name means one recording."""
    for old, new in pairs:
        if abs(old.seconds - new.seconds) > 0.001:
            raise EvaluationError(
                f"{old.clip} had {old.seconds:.3f} s and has {new.seconds:.3f} s now;"
                " the two runs can't be compared over other recordings"
            )


def _groups(rows: Sequence[Row]) -> dict[tuple[str, float], dict[str, Row]]:
    groups: dict[tuple[str, float], dict[str, Row]] = {}
    for row in rows:
        groups.setdefault((row.system, round(row.nominal_kbps, 3)), {})[row.clip] = row
    return groups


def _failures(key: tuple[str, float], pairs: list[tuple[Row, Row]]) -> Change:
    """More failures are worse, whatever a test would say."""
    before, after = (sum(bool(pair[side].error) for pair in pairs) for side in (0, 1))
    verdict = "same" if before == after else "worse" if after > before else "better"
    return Change(*key, "failures", len(pairs), before, after, 0.0, verdict)


def _change(key: tuple[str, float], name: str, pairs: list[tuple[Row, Row]]) -> Change | None:
    values = np.array([(old.value(name), new.value(name)) for old, new in pairs])
    values = values[np.isfinite(values).all(axis=1)]
    if len(values) == 0:
        return None
    difference = values[:, 1] - values[:, 0]
    if np.ptp(difference) < 1e-9:  # no spread to test against: certain, or no change at all
        p = 0.0 if abs(difference[0]) > 1e-9 else 1.0
    else:
        p = float(stats.ttest_rel(values[:, 1], values[:, 0]).pvalue)
    before, after = values.mean(axis=0)
    return Change(*key, name, len(values), float(before), float(after), p, "same")


def _judge(changes: list[Change]) -> list[Change]:
    """Holm's correction over all tested lines, then the verdicts."""
    tested = sorted((c for c in changes if c.metric != "failures"), key=lambda c: c.p)
    corrected: dict[int, float] = {}
    largest = 0.0
    for rank, change in enumerate(tested):
        largest = max(largest, min(1.0, change.p * (len(tested) - rank)))
        corrected[id(change)] = largest
    return [
        change if change.metric == "failures" else _verdict(change, corrected[id(change)])
        for change in changes
    ]


def _verdict(change: Change, p: float) -> Change:
    metric = METRICS.get(change.metric)
    tolerance = metric.tolerance if metric else KBPS_TOLERANCE
    gain = change.after - change.before
    if metric is None or not metric.higher_is_better:
        gain = -gain
    real = p < SIGNIFICANCE and abs(gain) > tolerance
    return replace(change, p=p, verdict=("better" if gain > 0 else "worse") if real else "same")
