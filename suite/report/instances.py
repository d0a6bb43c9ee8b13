"""What a page across tasks needs of each task, and the figures over all of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from scipy.stats import rankdata

from suite.report.comparisons import ComparisonRow, beaten
from suite.report.controls import RANDOM
from suite.report.results import Results
from suite.report.runtimes import TARGETS, Steps, runtime, steps
from suite.report.tables import Tables
from suite.statistics import bootstrap, ranks

RESAMPLES = 2000  # of the intervals over tasks, as in Agarwal et al. 2021


@dataclass(frozen=True)
class Instance:
    """One task: every optimizer's final hypervolumes by seed, and its page.

    `reference` is the hypervolume of its frozen reference front, NaN without one; `runtimes` are
    trials until each target, seeds pooled, and `shortest` is how many trials every run has.
    """

    task: str
    page: Path
    final: Mapping[str, Mapping[int, float]]
    reference: float
    runtimes: Mapping[str, Sequence[float]]
    shortest: int
    comparisons: Sequence[ComparisonRow]

    @classmethod
    def of(cls, results: Results, tables: Tables, page: Path) -> Instance:
        """The instance of a task's results; `page` is where its own report lies."""
        share = results.reference.hypervolume if results.reference else math.nan
        times = {
            name: [
                runtime(trace, "trials", target * share)
                for trace in results.traces_of(name)
                for target in TARGETS
            ]
            for name in (results.optimizers if results.reference else ())
        }
        shortest = min(len(trace.hypervolume) for trace in results.traces)
        return cls(results.task, page, results.final, share, times, shortest, tables.comparisons)

    def median(self, optimizer: str) -> float:
        """Median final hypervolume over seeds; NaN where it did not run."""
        runs = self.final.get(optimizer)
        return median(runs.values()) if runs else math.nan


@dataclass(frozen=True)
class RunRow:
    """One run: its final hypervolume, and that as a share of the reference front's, NaN without."""

    task: str
    optimizer: str
    seed: int
    hypervolume: float
    share: float


@dataclass(frozen=True)
class TaskRow:
    """One optimizer on one task; `rank` is among the optimizers that ran on all tasks, or NaN."""

    task: str
    optimizer: str
    seeds: int
    median: float
    share: float
    rank: float


@dataclass(frozen=True)
class AcrossRow:
    """One optimizer over all tasks.

    `rank` is the mean of its ranks, NaN unless it ran on all; `iqm` that of the share of the
    reference hypervolume over all runs, `improvement` the probability that its run beats random
    search's, both over the tasks that have what they need (`measured` and `compared` count those).
    `better` and `worse` count tasks on which it is resolved to be better or worse than random.
    """

    optimizer: str
    tasks: int
    rank: float
    measured: int
    iqm: float
    iqm_low: float
    iqm_high: float
    compared: int
    improvement: float
    improvement_low: float
    improvement_high: float
    better: int
    worse: int


def everywhere(instances: Sequence[Instance]) -> list[str]:
    """The optimizers that ran on all tasks, in the order of the first."""
    return [n for n in instances[0].final if all(n in each.final for each in instances)]


def optimizers(instances: Sequence[Instance]) -> tuple[str, ...]:
    """All of them, by name."""
    return tuple(sorted({name for each in instances for name in each.final}))


def rank_table(instances: Sequence[Instance]) -> tuple[list[str], np.ndarray]:
    """Names, and the ranks (tasks, names) of those that ran on all tasks; 1 is best."""
    names = everywhere(instances)
    medians = np.array([[each.median(name) for name in names] for each in instances])
    return names, rankdata(-medians, axis=1) if names else medians


def run_rows(instances: Sequence[Instance]) -> list[RunRow]:
    """Every run on every task, as measured: all that the ranks and aggregates are made of."""
    return [
        RunRow(each.task, name, seed, value, value / each.reference)
        for each in instances
        for name, runs in each.final.items()
        for seed, value in runs.items()
    ]


def task_rows(instances: Sequence[Instance]) -> list[TaskRow]:
    """Every optimizer on every task that it ran on."""
    names, table = rank_table(instances)
    rows = []
    for i, each in enumerate(instances):
        for name, runs in each.final.items():
            rank = float(table[i, names.index(name)]) if name in names else math.nan
            middle = each.median(name)
            rows.append(TaskRow(each.task, name, len(runs), middle, middle / each.reference, rank))
    return rows


def across_rows(instances: Sequence[Instance]) -> list[AcrossRow]:
    """Every optimizer, the best mean rank first, then the best IQM."""
    names, table = rank_table(instances)
    mean = dict(zip(names, table.mean(axis=0).tolist(), strict=True)) if names else {}
    rows = [_across(instances, name, mean.get(name, math.nan)) for name in optimizers(instances)]
    return sorted(rows, key=lambda row: (_last(row.rank), _last(-row.iqm), row.optimizer))


def _last(value: float) -> float:
    return math.inf if math.isnan(value) else value


def _across(instances: Sequence[Instance], name: str, rank: float) -> AcrossRow:
    own = [each for each in instances if name in each.final]
    measured = [each for each in own if not math.isnan(each.reference)]
    versus = [each for each in own if RANDOM in each.final and name != RANDOM]
    nothing = bootstrap.Estimate(math.nan, math.nan, math.nan)
    shares = [np.array([*each.final[name].values()]) / each.reference for each in measured]
    middle = bootstrap.iqm_estimate(shares, resamples=RESAMPLES) if measured else nothing
    runs = [[*each.final[name].values()] for each in versus]
    against = [[*each.final[RANDOM].values()] for each in versus]
    effect = bootstrap.improvement(runs, against, resamples=RESAMPLES) if versus else nothing
    return AcrossRow(
        optimizer=name,
        tasks=len(own),
        rank=rank,
        measured=len(measured),
        iqm=middle.value,
        iqm_low=middle.low,
        iqm_high=middle.high,
        compared=len(versus),
        improvement=effect.value,
        improvement_low=effect.low,
        improvement_high=effect.high,
        better=sum(RANDOM in beaten(each.comparisons, name) for each in versus),
        worse=sum(name in beaten(each.comparisons, RANDOM) for each in versus),
    )


def ranked(instances: Sequence[Instance]) -> ranks.Ranking | str:
    """The ranking over all tasks, or why there is none."""
    names = everywhere(instances)
    if reason := ranks.refusal(len(instances), len(names)):
        return reason
    return ranks.ranking(names, [[each.median(name) for name in names] for each in instances])


def ecdf(instances: Sequence[Instance]) -> list[Steps]:
    """Runtime ECDFs in trials over the tasks with a reference front, up to the shortest run."""
    measured = [each for each in instances if each.runtimes]
    if not measured:
        return []
    end = min(each.shortest for each in measured)
    return [
        steps(name, [time for each in measured for time in each.runtimes[name]], end)
        for name in everywhere(measured)
    ]
