"""The report's tables: what is compared, how, and the same as CSV. Numbers only, no layout."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import median
from typing import Any

from suite.objective import Objective
from suite.report.load.controls import ControlRow, control_rows
from suite.report.load.hand_tuned import StageRow, stage_rows
from suite.report.load.results import Judged, Results, Run
from suite.report.load.traces import Trace
from suite.report.rows.answers import AnswerRow, answer_rows
from suite.report.rows.best_merges import BestRow, best_rows
from suite.report.rows.comparisons import ComparisonRow, comparison_rows
from suite.report.rows.front_gains import FrontGainRow, front_gains
from suite.report.rows.headline import ChosenRow, SummaryRow, chosen_rows, summary_rows
from suite.report.rows.paths import HopRow, hop_rows
from suite.report.rows.runtimes import RuntimeRow, runtime_rows
from suite.report.rows.series import SurfaceRow, surface_rows
from suite.report.rows.strategies import (
    FailureRow,
    Figures,
    StrategyRow,
    failure_rows,
    run_figures,
    strategy_rows,
)
from suite.statistics import pareto

SOMETIMES = ("hops", "answers", "runtimes", "surfaces", "hand_tuned", "best_merges", "front_gains")


@dataclass(frozen=True)
class RunRow:
    """One run; `optimism` is that of choosing on half the search items, first objective.

    It comes from split halves of the journal (`suite.statistics.halves`), in the objective's unit;
    of choosing on all of them it is about 1/√2 of that, or less.

    `seconds` are a trial's, in the median, `tokens` the run's in all. `hypervolume` is that of the
    search items, the figures after `front` are those of `strategies.Figures`. `entered` and
    `outside` are those of `traces.Trace`.
    """

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
    report_pessimistic: float
    gap: float
    igd_plus: float
    epsilon: float
    tokens: float
    entered: float
    outside: float


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


def run_rows(results: Results, figures: Sequence[Figures]) -> list[RunRow]:
    """One row per run with its `figures`; report figures are NaN, and counts 0, until it is judged."""
    parts = zip(results.runs, results.traces, figures, strict=True)
    return [_run_row(run, trace, own, results.objectives) for run, trace, own in parts]


def _run_row(run: Run, trace: Trace, figures: Figures, objectives: tuple[Objective, ...]) -> RunRow:
    seconds = [t.seconds["total"] for t in run.trials if t.status == "ok"]
    judged = [line.losses for line in run.reported]
    return RunRow(
        optimizer=run.optimizer,
        seed=run.seed,
        trials=len(run.trials),
        budget=run.budget,
        failures=trace.failures,
        seconds=median(seconds) if seconds else math.nan,
        hypervolume=figures.hypervolume,
        front=len(pareto.front(run.losses(len(objectives)))),
        report_hypervolume=figures.report_hypervolume,
        report_front=len(pareto.front(judged)) if judged else 0,
        optimism=run.optimism,
        report_pessimistic=figures.report_pessimistic,
        gap=figures.gap,
        igd_plus=figures.igd_plus,
        epsilon=figures.epsilon,
        tokens=float(trace.tokens[-1]) if len(trace.tokens) else 0.0,
        entered=trace.entered,
        outside=trace.outside,
    )


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

    No hops where trials are merges, no answers while nothing is judged, no runtimes without a
    reference front, no surfaces of one objective, no hand tuning while the task is not tuned.
    """

    chosen: list[ChosenRow]
    summary: list[SummaryRow]
    runs: list[RunRow]
    comparisons: list[ComparisonRow]
    baselines: list[BaselineRow]
    hops: list[HopRow]
    answers: list[AnswerRow]
    strategies: list[StrategyRow]
    failures: list[FailureRow]
    runtimes: list[RuntimeRow]
    controls: list[ControlRow]
    surfaces: list[SurfaceRow]
    hand_tuned: list[StageRow]
    best_merges: list[BestRow]
    front_gains: list[FrontGainRow]

    @classmethod
    def of(cls, results: Results) -> Tables:
        chosen = chosen_rows(results)
        figures = [
            run_figures(results, run, trace.final)
            for run, trace in zip(results.runs, results.traces, strict=True)
        ]
        return cls(
            chosen=chosen,
            summary=summary_rows(results, chosen),
            runs=run_rows(results, figures),
            comparisons=comparison_rows(results),
            baselines=baseline_rows(results),
            hops=hop_rows(results),
            answers=answer_rows(results),
            strategies=strategy_rows(results, figures),
            failures=failure_rows(results),
            runtimes=runtime_rows(results),
            controls=control_rows(results),
            surfaces=surface_rows(results),
            hand_tuned=stage_rows(results.tuned, results.objectives),
            best_merges=best_rows(results),
            front_gains=front_gains(results),
        )

    def write(self, out: Path) -> list[str]:
        """Each table as ``<name>.csv`` in `out`; returns the file names.

        Those of `SOMETIMES` are written only if they have a row. Scores are in natural units,
        unscaled; several values are joined by spaces, NaN is empty.
        """
        written = []
        for (name, rows), kind in zip(vars(self).items(), KINDS, strict=True):
            if name in SOMETIMES and not rows:
                continue
            written.append(f"{name}.csv")
            write_csv(out / f"{name}.csv", kind, rows)
        return written


KINDS: tuple[Any, ...] = (
    ChosenRow, SummaryRow, RunRow, ComparisonRow, BaselineRow, HopRow, AnswerRow, StrategyRow,
    FailureRow, RuntimeRow, ControlRow, SurfaceRow, StageRow, BestRow, FrontGainRow,
)  # fmt: skip


def write_csv(path: Path, kind: Any, rows: Sequence[Any]) -> None:
    """`rows`, of the dataclass `kind`, with its fields as columns."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(field.name for field in fields(kind))
        writer.writerows([_cell(value) for value in vars(row).values()] for row in rows)


def _cell(value: Any) -> Any:
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    return "" if value is None or value != value else value  # NaN alone differs from itself
