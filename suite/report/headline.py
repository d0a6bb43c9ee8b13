"""The headline: each run's chosen merge on the report items against the best hand-tuned one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from suite import pareto
from suite.objective import Objective
from suite.report.results import Judged, Results
from suite.statistics import bootstrap, items, multiple


@dataclass(frozen=True)
class ChosenRow:
    """One seed's chosen merge on one objective, on the report items, against the best baseline.

    Values are in natural units; the paired figures are NaN without per-item outcomes or baseline,
    but for the difference of an exact figure, such as depth, which needs no test.
    """

    optimizer: str
    seed: int
    objective: str
    trial: int | None
    score: float
    stderr: float
    baseline: str
    baseline_score: float
    difference: float
    low: float
    high: float
    p: float
    p_holm: float
    is_median: bool
    relation: str
    resolved: bool


@dataclass(frozen=True)
class SummaryRow:
    """One optimizer on one objective, over its seeds.

    `low` and `high` bound the median (95 %, bootstrap over seeds; NaN for fewer than 5).
    """

    optimizer: str
    objective: str
    seeds: int
    median: float
    low: float
    high: float
    values: tuple[float, ...]


def best_baseline(results: Results) -> Judged | None:
    """The hand-tuned merge with the least first loss on report items; no single models."""
    merges = [b for b in results.baselines if not b.unmerged]
    return min(merges, key=lambda b: (b.losses[0], b.name), default=None)


def chosen_rows(results: Results) -> list[ChosenRow]:
    """One row per run with a chosen merge and objective, in the order of optimizers and seeds.

    The relation is called resolved by the same Holm-adjusted p values that stand in the row.
    """
    best = best_baseline(results)
    found = [(run, run.chosen) for run in results.runs]
    pairs = [(run, chosen) for run, chosen in found if chosen]
    tests = [[_paired(o, chosen, best) for o in results.objectives] for _, chosen in pairs]
    adjusted = np.array(
        [holm_known([row[k].p for row in tests]) for k in range(len(results.objectives))]
    )
    medians = median_runs(results)
    rows = []
    for i, (run, chosen) in enumerate(pairs):
        relation = best and items.relation(
            chosen.losses, best.losses, _sure(results.objectives, chosen, best, adjusted[:, i])
        )
        for k, objective in enumerate(results.objectives):
            score = chosen.scores[objective.metric]
            test = tests[i][k]
            rows.append(
                ChosenRow(
                    optimizer=run.optimizer,
                    seed=run.seed,
                    objective=objective.name,
                    trial=chosen.number,
                    score=score.value,
                    stderr=score.stderr,
                    baseline=best.name if best else "",
                    baseline_score=best.scores[objective.metric].value if best else math.nan,
                    difference=test.difference,
                    low=test.low,
                    high=test.high,
                    p=test.p,
                    p_holm=float(adjusted[k][i]),
                    is_median=(run.optimizer, run.seed) in medians,
                    relation=relation.kind if relation else "",
                    resolved=bool(relation and relation.resolved),
                )
            )
    return rows


def _paired(objective: Objective, chosen: Judged, best: Judged | None) -> items.Paired:
    outcomes = chosen.scores[objective.metric].items
    other = best.scores[objective.metric].items if best else ()
    if best and _exact(objective, chosen) and _exact(objective, best):
        gap = chosen.scores[objective.metric].value - best.scores[objective.metric].value
        return items.Paired(gap, math.nan, math.nan, math.nan)
    if not outcomes or not other:
        return items.Paired(math.nan, math.nan, math.nan, math.nan)
    return items.paired(outcomes, other)


def _exact(objective: Objective, model: Judged) -> bool:
    """Whether a figure is one of the model itself, without a sample of items or passes."""
    score = model.scores[objective.metric]
    return score.n == 1 and not score.items and score.stderr == 0


def _sure(
    objectives: Sequence[Objective], chosen: Judged, best: Judged, p: NDArray[np.float64]
) -> list[float]:
    """The p values (m,) that a relation rests on: 0 where both figures are exact."""
    return [
        0.0 if _exact(objective, chosen) and _exact(objective, best) else float(value)
        for objective, value in zip(objectives, p, strict=True)
    ]


def holm_known(p: Sequence[float]) -> NDArray[np.float64]:
    """Holm over the known values; NaN stays NaN and does not count as a test."""
    adjusted = np.array(p, dtype=float)
    known = ~np.isnan(adjusted)
    adjusted[known] = multiple.holm(adjusted[known])
    return adjusted


def median_runs(results: Results) -> set[tuple[str, int]]:
    """Per optimizer the run whose chosen merge has the median report score, first objective."""
    marked = set()
    for optimizer in results.optimizers:
        scored = [(run.seed, c.losses[0]) for run in results.of(optimizer) if (c := run.chosen)]
        if scored:
            middle = bootstrap.median_index([loss for _, loss in scored])
            marked.add((optimizer, scored[middle][0]))
    return marked


def summary_rows(rows: Sequence[ChosenRow]) -> list[SummaryRow]:
    """One row per optimizer and objective of `chosen_rows`, in their order."""
    keys = dict.fromkeys((row.optimizer, row.objective) for row in rows)
    return [
        _summary(optimizer, objective, [r for r in rows if _key(r) == (optimizer, objective)])
        for optimizer, objective in keys
    ]


def _key(row: ChosenRow) -> tuple[str, str]:
    return row.optimizer, row.objective


def _summary(optimizer: str, objective: str, rows: Sequence[ChosenRow]) -> SummaryRow:
    values = tuple(row.score for row in rows)
    low, high = bootstrap.bootstrap_median(values) or (math.nan, math.nan)
    return SummaryRow(optimizer, objective, len(values), median(values), low, high, values)


def baseline_hypervolume(results: Results) -> float:
    """Hypervolume of all hand-tuned merges together on the report items; 0 without any."""
    merges = [baseline.losses for baseline in results.baselines if not baseline.unmerged]
    return pareto.hypervolume(merges) if merges else 0.0
