"""The optimizers over all tasks: mean ranks, aggregates, tests of pairs, and runtimes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from suite.report.load.controls import CONTROLS, RANDOM
from suite.report.rows.anytime import Steps, steps
from suite.report.rows.comparisons import beaten
from suite.report.rows.instances import Instance, everywhere, middles, optimizers, rank_table
from suite.statistics import bootstrap, ranks
from suite.statistics.families import extended

RESAMPLES = 2000  # of the intervals over tasks, as in Agarwal et al. 2021


@dataclass(frozen=True)
class AcrossRow:
    """One optimizer over all tasks: a line of ``across.csv``.

    Its columns are of two kinds of items. `iqm` and `improvement` with their ends are of search items
    throughout. `rank`, `better`, `worse`, `p_random`, `p_random_holm` and `over` are by each task's
    measure: report items where its runs are judged, else search items.

    Attributes
    ----------
    optimizer : str
    tasks : int
        Tasks that it ran on.
    rank : float
        Mean of its ranks, 1 is best; NaN unless it ran on all. By each task's measure.
    measured : int
        Tasks with a reference front, which `iqm` is over.
    iqm, iqm_low, iqm_high : float
        Interquartile mean over all runs of the share of the reference hypervolume, and its 95 % interval;
        search items.
    compared : int
        Tasks with random search, which `improvement`, `better` and `worse` are over.
    improvement, improvement_low, improvement_high : float
        Probability that its run beats random search's on the same task, and its 95 % interval; search
        items.
    better, worse : int
        Tasks on which it is resolved to be better or worse than random search; by each task's measure.
    p_random, p_random_holm : float
        Wilcoxon's over all tasks against random search, and Holm-adjusted; NaN under 10 tasks. By each
        task's measure.
    over : tuple of str
        Those that it is resolved to be better than over all tasks; by each task's measure.
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


def pair_rows(instances: Sequence[Instance]) -> list[ranks.PairRow]:
    """Test every pair of optimizers that ran on all tasks by Wilcoxon's test of their medians.

    Against random search and the other controls first, as planned, then the others; each family
    adjusted by itself.

    Parameters
    ----------
    instances : sequence of Instance
        One or more.

    Returns
    -------
    list of ranks.PairRow
        Empty under `ranks.FEWEST_INSTANCES` tasks.
    """
    names = everywhere(instances)
    if len(instances) < ranks.FEWEST_INSTANCES or len(names) < 2:
        return []
    measure = " and ".join(sorted({each.measure for each in instances}))
    return ranks.compared(names, middles(instances, names), extended((), names, CONTROLS, measure))


def across_rows(instances: Sequence[Instance]) -> list[AcrossRow]:
    """Sum up every optimizer over all tasks.

    Parameters
    ----------
    instances : sequence of Instance
        One or more.

    Returns
    -------
    list of AcrossRow
        The best mean rank first, then the best IQM.
    """
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
    middle = bootstrap.iqm(shares, resamples=RESAMPLES) if measured else nothing
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
    """List whom an optimizer is resolved to be better than over all tasks.

    Parameters
    ----------
    pairs : sequence of ranks.PairRow
    name : str

    Returns
    -------
    list of str
        In the order of `pairs`.
    """
    return [row.b if row.a == name else row.a for row in pairs if row.better == name]


def ranked(instances: Sequence[Instance]) -> ranks.Ranking | str:
    """Rank the optimizers over all tasks.

    Parameters
    ----------
    instances : sequence of Instance
        One or more.

    Returns
    -------
    ranks.Ranking or str
        A sentence that says why there is none.
    """
    names = everywhere(instances)
    if reason := ranks.refusal(len(instances), len(names)):
        return reason
    resolved = {frozenset((row.a, row.b)) for row in pair_rows(instances) if row.better}
    return ranks.ranking(names, middles(instances, names), resolved)


def ecdf(instances: Sequence[Instance]) -> list[Steps]:
    """Draw the empirical distributions of runtimes over the tasks with a reference front.

    Parameters
    ----------
    instances : sequence of Instance

    Returns
    -------
    list of Steps
        In trials on search items, up to the shortest run; empty without any such task.
    """
    measured = [each for each in instances if each.runtimes]
    if not measured:
        return []
    end = min(each.shortest for each in measured)
    return [
        steps(name, [time for each in measured for time in each.runtimes[name]], end)
        for name in everywhere(measured)
    ]
