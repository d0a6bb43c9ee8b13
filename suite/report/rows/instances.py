"""What a page across tasks needs of each task, and the figures over all of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from scipy.stats import rankdata

from suite.report.load.controls import CONTROLS, RANDOM
from suite.report.load.results import Results
from suite.report.rows.comparisons import ComparisonRow, beaten
from suite.report.rows.runtimes import TARGETS, Steps, runtime, steps
from suite.report.rows.tables import Tables
from suite.statistics import bootstrap, ranks
from suite.statistics.families import extended

RESAMPLES = 2000  # of the intervals over tasks, as in Agarwal et al. 2021


@dataclass(frozen=True)
class Instance:
    """One task: every optimizer's final hypervolumes by seed, and its page.

    `final` is on search items, `primary` by the task's `measure`: on report items where runs are judged.
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
    measure: str
    primary: Mapping[str, Mapping[int, float]]

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
        return cls(
            results.task, page, results.final, share, times, shortest, tables.comparisons,
            results.measure, results.primary,
        )  # fmt: skip

    def median(self, optimizer: str) -> float:
        """Median final hypervolume on search items over seeds; NaN where it did not run."""
        runs = self.final.get(optimizer)
        return median(runs.values()) if runs else math.nan

    def middle(self, optimizer: str) -> float:
        """Median over seeds by the task's measure; NaN where there is none."""
        runs = self.primary.get(optimizer)
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
    """One optimizer on one task; `rank` is among the optimizers that ran on all tasks, or NaN.

    `median` and `share` are of the search items; the rank is by `primary`, the median by `measure`.
    """

    task: str
    optimizer: str
    seeds: int
    median: float
    share: float
    rank: float
    measure: str
    primary: float


@dataclass(frozen=True)
class AcrossRow:
    """One optimizer over all tasks.

    `rank` is the mean of its ranks, NaN unless it ran on all; `iqm` that of the share of the
    reference hypervolume over all runs, `improvement` the probability that its run beats random
    search's, both over the tasks that have what they need (`measured` and `compared` count those).
    `better` and `worse` count tasks on which it is resolved to be better or worse than random;
    `p_random` and its Holm-adjusted value are Wilcoxon's over all tasks, against random search, NaN
    under 10 tasks. `over` names those that it is resolved to be better than over all tasks.
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
    p_random: float
    p_random_holm: float
    over: tuple[str, ...]


def everywhere(instances: Sequence[Instance]) -> list[str]:
    """The optimizers with a value on all tasks, by each one's measure, in the order of the first."""
    return [n for n in instances[0].final if all(each.primary.get(n) for each in instances)]


def optimizers(instances: Sequence[Instance]) -> tuple[str, ...]:
    """All of them, by name."""
    return tuple(sorted({name for each in instances for name in each.final}))


def rank_table(instances: Sequence[Instance]) -> tuple[list[str], np.ndarray]:
    """Names, and the ranks (tasks, names) of those that ran on all tasks; 1 is best."""
    names = everywhere(instances)
    medians = _middles(instances, names)
    return names, rankdata(-medians, axis=1) if names else medians


def _middles(instances: Sequence[Instance], names: Sequence[str]) -> np.ndarray:
    return np.array([[each.middle(name) for name in names] for each in instances])


def pair_rows(instances: Sequence[Instance]) -> list[ranks.PairRow]:
    """Every pair of optimizers that ran on all tasks, by Wilcoxon's test of their medians.

    Against random search and the other controls first, as planned, then the others; each family
    adjusted by itself. None under `ranks.FEWEST_INSTANCES` tasks.
    """
    names = everywhere(instances)
    if len(instances) < ranks.FEWEST_INSTANCES or len(names) < 2:
        return []
    measure = " and ".join(sorted({each.measure for each in instances}))
    return ranks.compared(names, _middles(instances, names), extended((), names, CONTROLS, measure))


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
            share = middle / each.reference
            own = each.middle(name)
            rows.append(TaskRow(each.task, name, len(runs), middle, share, rank, each.measure, own))
    return rows


def across_rows(instances: Sequence[Instance]) -> list[AcrossRow]:
    """Every optimizer, the best mean rank first, then the best IQM."""
    names, table = rank_table(instances)
    mean = dict(zip(names, table.mean(axis=0).tolist(), strict=True)) if names else {}
    pairs = pair_rows(instances)
    rows = [
        _across(instances, name, mean.get(name, math.nan), pairs) for name in optimizers(instances)
    ]
    return sorted(rows, key=lambda row: (_last(row.rank), _last(-row.iqm), row.optimizer))


def _last(value: float) -> float:
    return math.inf if math.isnan(value) else value


def _across(
    instances: Sequence[Instance], name: str, rank: float, pairs: Sequence[ranks.PairRow]
) -> AcrossRow:
    own = [each for each in instances if name in each.final]
    measured = [each for each in own if not math.isnan(each.reference)]
    versus = [each for each in own if RANDOM in each.final and name != RANDOM]
    nothing = bootstrap.Estimate(math.nan, math.nan, math.nan)
    shares = [np.array([*each.final[name].values()]) / each.reference for each in measured]
    middle = bootstrap.iqm_estimate(shares, resamples=RESAMPLES) if measured else nothing
    runs = [[*each.final[name].values()] for each in versus]
    against = [[*each.final[RANDOM].values()] for each in versus]
    effect = bootstrap.improvement(runs, against, resamples=RESAMPLES) if versus else nothing
    random = next((r for r in pairs if {r.a, r.b} == {name, RANDOM}), None)
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
        p_random=random.p if random else math.nan,
        p_random_holm=random.p_holm if random else math.nan,
        over=tuple(won(pairs, name)),
    )


def won(pairs: Sequence[ranks.PairRow], name: str) -> list[str]:
    """Whom `name` is resolved to be better than over all tasks, in the order of `pairs`."""
    return [row.b if row.a == name else row.a for row in pairs if row.better == name]


def ranked(instances: Sequence[Instance]) -> ranks.Ranking | str:
    """The ranking over all tasks, or why there is none."""
    names = everywhere(instances)
    if reason := ranks.refusal(len(instances), len(names)):
        return reason
    resolved = {frozenset((row.a, row.b)) for row in pair_rows(instances) if row.better}
    return ranks.ranking(names, _middles(instances, names), resolved)


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
