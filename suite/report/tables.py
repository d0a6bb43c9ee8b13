"""The report's tables: what is compared, how, and the same as CSV. Numbers only, no layout."""

from __future__ import annotations

import csv
import itertools
import math
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import median
from typing import Any

from suite import pareto, stats
from suite.objective import Objective
from suite.report.answers import AnswerRow, answer_rows
from suite.report.headline import (
    ChosenRow,
    SummaryRow,
    chosen_rows,
    holm_known,
    summary_rows,
)
from suite.report.paths import HopRow, hop_rows
from suite.report.results import Judged, Results, Run


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
            p_holm=float(holm_known(plain)[i]),
            p_paired=by_seed[i],
            p_paired_holm=float(holm_known(by_seed)[i]),
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
            kind=_kind(baseline),
            objective=objective.name,
            score=baseline.scores[objective.metric].value,
            stderr=baseline.scores[objective.metric].stderr,
            n=baseline.scores[objective.metric].n,
            on_front=index in on_front,
        )
        for index, baseline in enumerate(ordered)
        for objective in results.objectives
    ]


def _kind(baseline: Judged) -> str:
    if baseline.is_path:
        return "layer path"
    return "single model" if baseline.unmerged else "merge"


@dataclass(frozen=True)
class Tables:
    """All tables of a report, each a list of its rows.

    No hops where trials are merges, no answers while nothing is judged.
    """

    chosen: list[ChosenRow]
    summary: list[SummaryRow]
    runs: list[RunRow]
    comparisons: list[ComparisonRow]
    baselines: list[BaselineRow]
    hops: list[HopRow]
    answers: list[AnswerRow]

    @classmethod
    def of(cls, results: Results) -> Tables:
        chosen = chosen_rows(results)
        return cls(
            chosen=chosen,
            summary=summary_rows(chosen),
            runs=run_rows(results),
            comparisons=comparison_rows(results),
            baselines=baseline_rows(results),
            hops=hop_rows(results),
            answers=answer_rows(results),
        )

    def write(self, out: Path) -> list[str]:
        """Each table as ``<name>.csv`` in `out`; returns the file names.

        Hops and answers are written only if there are any. Scores are in natural units, unscaled;
        several values are joined by spaces, NaN is empty.
        """
        kinds = (ChosenRow, SummaryRow, RunRow, ComparisonRow, BaselineRow, HopRow, AnswerRow)
        written = []
        for (name, rows), kind in zip(vars(self).items(), kinds, strict=True):
            if kind in (HopRow, AnswerRow) and not rows:
                continue
            written.append(f"{name}.csv")
            with (out / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(field.name for field in fields(kind))
                writer.writerows([_cell(value) for value in vars(row).values()] for row in rows)
        return written


def _cell(value: Any) -> Any:
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    return "" if value is None or value != value else value  # NaN alone differs from itself
