"""What each published table should hold, recomputed from the result files."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.stats import t as student

from tests.independent import indicators, statistics
from tests.independent.journals import Array
from tests.independent.study import Merge, Run, Task


def volumes(task: Task, split: str) -> dict[str, dict[int, float]]:
    """Hypervolume at each run's end, on search items or of its judged merges on report items.

    On report items those runs alone that are judged, and strategies that have one.
    """
    if split == "search":
        return {n: {s: float(r.curve[-1]) for s, r in by.items()} for n, by in task.runs.items()}
    found = {
        name: {s: indicators.hypervolume(r.report_losses) for s, r in by.items() if r.is_judged}
        for name, by in task.runs.items()
    }
    return {name: by for name, by in found.items() if by}


def pessimistic(losses: Array) -> Array:
    """The rows that dominate no other: what one has who picks from the front with the worst luck."""
    less = (losses[:, None] <= losses[None]).all(axis=2) & (losses[:, None] < losses[None]).any(
        axis=2
    )
    return losses[~less.any(axis=1)]


def outside(losses: Array, entered: float) -> float:
    """Distance from the box of the nearest trial until one lay inside, nan if the first did."""
    before = losses[: int(min(entered - 1, len(losses)))]
    before = before[~np.isnan(before).any(axis=1)]
    if not len(before):
        return math.nan
    return float(np.sqrt((np.maximum(before - 1, 0) ** 2).sum(axis=1)).min())


def relation(a: Sequence[float], b: Sequence[float]) -> str:
    """What losses `a` are to losses `b`."""
    if tuple(a) == tuple(b):
        return "incomparable"  # the tables have no word for equal losses
    if all(x <= y for x, y in zip(a, b, strict=True)):
        return "dominates"
    return "dominated" if all(x >= y for x, y in zip(a, b, strict=True)) else "incomparable"


def picks(run: Run, cost: int | None) -> dict[tuple[str, bool], tuple[int, Merge]]:
    """(rule, at the hand tuning's cost?) to (trials, the chosen merge on report items)."""
    report = run.split("report")
    found = {}
    ends = [None] if cost is None or cost >= len(run.losses) else [None, cost]
    for trials in ends:
        for rule, number in run.chosen(trials).items():
            if number in report:
                found[rule, trials is not None] = (trials or len(run.losses), report[number])
    return found


def paired(a: Array, b: Array, signs: Array) -> float:
    """p of two merges on the same items: McNemar's of outcomes 0 and 1, else by the random signs."""
    if set(np.unique(a)) | set(np.unique(b)) <= {0.0, 1.0}:
        return statistics.mcnemar(a, b)
    d = (a - b).astype(signs.dtype)  # float32: with float64 the millions of signs are copied first
    return float((np.abs(signs @ d) >= abs(d.sum()) - 1e-4).mean())


def gain(differences: list[Array]) -> tuple[float, float]:
    """Mean over seeds of the difference on items, and its standard error.

    The error is that of seeds and of items: the variance over seeds of the runs' means by the seeds, plus
    the variance over items of the items' means by the items.
    """
    table = np.array(differences)
    seeds, items = table.shape
    error = math.sqrt(
        table.mean(axis=1).var(ddof=1) / seeds + table.mean(axis=0).var(ddof=1) / items
    )
    return float(table.mean()), error


def both(mean: float, error: float, seeds: int) -> float:
    """Two-sided p of a mean with its error, by t with seeds − 1 degrees of freedom."""
    return float(2 * student.sf(abs(mean) / error, seeds - 1)) if error > 0 else math.nan


def item_draws(task: Task, draws: int = 400) -> dict[str, Array]:
    """By strategy the mean over seeds of the report hypervolume, on items that are drawn again (draws,).

    One draw of an evaluator's items serves all runs.
    """
    rng = np.random.default_rng(12)
    size: dict[str, int] = {}
    found = {}
    for name, by in task.runs.items():
        total = np.zeros(draws)
        for run in by.values():
            counted = [run.split("report")[n] for n in run.counted]
            for k, o in enumerate(task.objectives):
                size.setdefault(o.name, counted[0].outcomes[k].size)
            total += _drawn(task, counted, size, rng, draws)
        found[name] = total / len(by)
    return found


_COUNTS: dict[tuple[str, int], Array] = {}


def _drawn(
    task: Task, merges: list[Merge], size: dict[str, int], rng: np.random.Generator, draws: int
) -> Array:
    losses = np.empty((draws, len(merges), len(task.objectives)))
    for k, o in enumerate(task.objectives):
        n = size[o.name]
        key = (o.metric.split(".")[0], n)
        if key not in _COUNTS:
            _COUNTS[key] = rng.multinomial(n, [1 / n] * n, draws).astype(float) / n
        losses[:, :, k] = o.loss(_COUNTS[key] @ np.array([m.outcomes[k] for m in merges]).T)
    return np.array([indicators.hypervolume(each) for each in losses])


def surface(runs: list[Array], attained: int) -> set[tuple[float, float]]:
    """Corners of what at least so many runs attain, two losses: an attainment surface."""
    firsts = sorted({float(v) for rows in runs for v in rows[:, 0]})
    corners, lowest = set(), math.inf
    for first in firsts:
        heights = sorted(
            min((r[1] for r in rows if r[0] <= first), default=math.inf) for rows in runs
        )
        if heights[attained - 1] < lowest:
            lowest = heights[attained - 1]
            corners.add((first, float(lowest)))
    return corners


def quantile(seeds: int) -> float:
    """The 97.5 % point of t with seeds − 1 degrees of freedom."""
    return float(student.ppf(0.975, seeds - 1))
