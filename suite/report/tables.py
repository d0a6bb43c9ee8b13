"""The report's tables: what is compared, how, and the same as CSV. Numbers only, no layout."""

from __future__ import annotations

import csv
import itertools
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from suite import pareto, stats
from suite.objective import Objective
from suite.report.load import Judged, Results, Run


@dataclass(frozen=True)
class ChosenRow:
    """One seed's chosen merge on one objective, on the report items, against the best baseline.

    Values are in natural units; the paired figures are NaN without per-item outcomes or baseline.
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
class RunRow:
    """One run; `optimism` is search minus report score of the chosen trial, first objective."""

    optimizer: str
    seed: int
    trials: int
    budget: int | None
    failures: int
    seconds: float
    hypervolume: float
    front: int
    report_hypervolume: float
    report_front: int
    optimism: float


@dataclass(frozen=True)
class ComparisonRow:
    """Two optimizers' final hypervolumes on search items over seeds; p values Holm-adjusted."""

    a: str
    b: str
    seeds_a: int
    seeds_b: int
    median_a: float
    median_b: float
    improvement: float
    p: float
    p_holm: float
    p_paired: float
    p_paired_holm: float


@dataclass(frozen=True)
class BaselineRow:
    """One baseline on one objective, report items."""

    name: str
    kind: str
    objective: str
    score: float
    stderr: float
    n: int
    on_front: bool


def best_baseline(results: Results) -> Judged | None:
    """The hand-tuned merge with the least first loss on report items; single models do not count."""
    merges = [b for b in results.baselines if not b.unmerged]
    return min(merges, key=lambda b: (b.losses[0], b.name), default=None)


def chosen_rows(results: Results) -> list[ChosenRow]:
    """One row per run with a chosen merge and objective, in the order of optimizers and seeds."""
    best = best_baseline(results)
    found = [(run, run.chosen) for run in results.runs]
    pairs = [(run, chosen) for run, chosen in found if chosen is not None]
    tests = [[_paired(o, chosen, best) for o in results.objectives] for _, chosen in pairs]
    adjusted = np.array(
        [_holm([row[k].p for row in tests]) for k in range(len(results.objectives))]
    )
    medians = _median_runs(results)
    rows = []
    for i, (run, chosen) in enumerate(pairs):
        relation = best and stats.relation(chosen.losses, best.losses, [t.p for t in tests[i]])
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


def _paired(objective: Objective, chosen: Judged, best: Judged | None) -> stats.Paired:
    outcomes = chosen.scores[objective.metric].items
    other = best.scores[objective.metric].items if best else ()
    if not outcomes or not other:
        return stats.Paired(math.nan, math.nan, math.nan, math.nan)
    return stats.paired(outcomes, other)


def _holm(p: Sequence[float]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Holm over the known values; NaN stays NaN and does not count as a test."""
    adjusted = np.array(p, dtype=float)
    known = ~np.isnan(adjusted)
    adjusted[known] = stats.holm(adjusted[known])
    return adjusted


def _median_runs(results: Results) -> set[tuple[str, int]]:
    """Per optimizer the run whose chosen merge has the median report score, first objective."""
    marked = set()
    for optimizer in results.optimizers:
        scored = [(run.seed, c.losses[0]) for run in results.of(optimizer) if (c := run.chosen)]
        if scored:
            middle = stats.median_index([loss for _, loss in scored])
            marked.add((optimizer, scored[middle][0]))
    return marked


def run_rows(results: Results) -> list[RunRow]:
    """One row per run; report figures are NaN, and counts 0, while it is not judged."""
    return [_run_row(run, results.objectives) for run in results.runs]


def _run_row(run: Run, objectives: tuple[Objective, ...]) -> RunRow:
    losses = run.losses(len(objectives))
    seconds = [t.seconds["total"] for t in run.trials if "total" in t.seconds]
    judged = [line.losses for line in run.reported]
    return RunRow(
        optimizer=run.optimizer,
        seed=run.seed,
        trials=len(run.trials),
        budget=run.budget,
        failures=sum(t.status == "failed" for t in run.trials),
        seconds=median(seconds) if seconds else math.nan,
        hypervolume=pareto.hypervolume(losses),
        front=len(pareto.front(losses)),
        report_hypervolume=pareto.hypervolume(judged) if judged else math.nan,
        report_front=len(pareto.front(judged)) if judged else 0,
        optimism=_optimism(run, objectives[0]),
    )


def _optimism(run: Run, objective: Objective) -> float:
    """How much better the chosen trial looked to the search than it is; positive is optimistic."""
    chosen = run.chosen
    if chosen is None or chosen.number is None:
        return math.nan
    searched = run.trials[chosen.number].scores[objective.metric].value
    gain = searched - chosen.scores[objective.metric].value
    return gain if objective.direction == "maximize" else -gain


def comparison_rows(results: Results) -> list[ComparisonRow]:
    """Every pair of optimizers; each p is Holm-adjusted over the pairs.

    `p` is Mann–Whitney over all seeds, `p_paired` sign-flip permutation over the common ones.
    """
    m = len(results.objectives)
    final = {
        optimizer: {r.seed: pareto.hypervolume(r.losses(m)) for r in results.of(optimizer)}
        for optimizer in results.optimizers
    }
    pairs = list(itertools.combinations(results.optimizers, 2))
    plain, by_seed = [], []
    for a, b in pairs:
        plain.append(stats.mann_whitney([*final[a].values()], [*final[b].values()]))
        common = sorted(final[a].keys() & final[b].keys())
        by_seed.append(
            stats.paired_seeds([final[a][s] for s in common], [final[b][s] for s in common])
            if common
            else math.nan
        )
    return [
        ComparisonRow(
            a=a,
            b=b,
            seeds_a=len(final[a]),
            seeds_b=len(final[b]),
            median_a=median(final[a].values()),
            median_b=median(final[b].values()),
            improvement=stats.probability_of_improvement(
                [*final[a].values()], [*final[b].values()]
            ),
            p=plain[i],
            p_holm=float(_holm(plain)[i]),
            p_paired=by_seed[i],
            p_paired_holm=float(_holm(by_seed)[i]),
        )
        for i, (a, b) in enumerate(pairs)
    ]


def baseline_rows(results: Results) -> list[BaselineRow]:
    """All baselines, the best first loss first; `on_front` among the baselines alone."""
    ordered = sorted(results.baselines, key=lambda b: (b.losses[0], b.name))
    on_front = set(pareto.front([b.losses for b in ordered]).tolist()) if ordered else set()
    return [
        BaselineRow(
            name=baseline.name,
            kind="single model" if baseline.unmerged else "merge",
            objective=objective.name,
            score=baseline.scores[objective.metric].value,
            stderr=baseline.scores[objective.metric].stderr,
            n=baseline.scores[objective.metric].n,
            on_front=index in on_front,
        )
        for index, baseline in enumerate(ordered)
        for objective in results.objectives
    ]


def write_csv(rows: Sequence[Any], kind: type[Any], path: Path) -> None:
    """Dataclass rows as CSV with the fields as header; an empty table still has its header."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(kind.__dataclass_fields__), lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
