"""What a page across tasks needs of each task: its values, its page, and ranks on it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from scipy.stats import rankdata

from suite.report.load.results import Results
from suite.report.rows.anytime import TARGETS, runtime
from suite.report.rows.comparisons import ComparisonRow
from suite.report.rows.tables import Tables


@dataclass(frozen=True)
class Instance:
    """One task.

    Attributes
    ----------
    task : str
    page : Path
        Where its own report lies.
    final : mapping of str to mapping of int to float
        Final hypervolumes on search items, by optimizer and seed.
    reference : float
        Hypervolume of its frozen reference front, on search items; NaN without one.
    runtimes : mapping of str to sequence of float
        Trials until each target, seeds pooled; empty without a reference front.
    shortest : int
        How many trials every run has.
    comparisons : sequence of ComparisonRow
    measure : {"hypervolume", "report_hypervolume"}
        What its optimizers are compared by: report items where runs are judged, else search items.
    primary : mapping of str to mapping of int to float
        The values of `measure`.
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
        """Take what a page across tasks needs of one.

        Parameters
        ----------
        results : Results
        tables : Tables
            Those of `results`.
        page : Path
            Where its own report lies.

        Returns
        -------
        Instance
        """
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
        """Compute the median final hypervolume on search items over seeds.

        Parameters
        ----------
        optimizer : str

        Returns
        -------
        float
            In [0, 1]; NaN where it did not run.
        """
        runs = self.final.get(optimizer)
        return median(runs.values()) if runs else math.nan

    def middle(self, optimizer: str) -> float:
        """Compute the median over seeds by the task's measure.

        Parameters
        ----------
        optimizer : str

        Returns
        -------
        float
            In [0, 1]; NaN where there is none.
        """
        runs = self.primary.get(optimizer)
        return median(runs.values()) if runs else math.nan


@dataclass(frozen=True)
class RunRow:
    """One run, on search items: a line of the overview's ``runs.csv``.

    Attributes
    ----------
    task, optimizer : str
    seed : int
    hypervolume : float
        Final one, in [0, 1].
    share : float
        The same as a share of the reference front's; NaN without one.
    """

    task: str
    optimizer: str
    seed: int
    hypervolume: float
    share: float


@dataclass(frozen=True)
class TaskRow:
    """One optimizer on one task: a line of ``tasks.csv``.

    Attributes
    ----------
    task, optimizer : str
    seeds : int
    median, share : float
        Of final hypervolumes on search items, and that as a share of the reference front's.
    rank : float
        By `primary`, among the optimizers that ran on all tasks, 1 is best; else NaN.
    measure : {"hypervolume", "report_hypervolume"}
        Which items `primary` is of.
    primary : float
        Median over seeds by `measure`.
    """

    task: str
    optimizer: str
    seeds: int
    median: float
    share: float
    rank: float
    measure: str
    primary: float


def everywhere(instances: Sequence[Instance]) -> list[str]:
    """List the optimizers with a value on all tasks, by each one's measure.

    Parameters
    ----------
    instances : sequence of Instance
        One or more.

    Returns
    -------
    list of str
        In the order of the first task.
    """
    return [n for n in instances[0].final if all(each.primary.get(n) for each in instances)]


def optimizers(instances: Sequence[Instance]) -> tuple[str, ...]:
    """List all optimizers by name.

    Parameters
    ----------
    instances : sequence of Instance

    Returns
    -------
    tuple of str
    """
    return tuple(sorted({name for each in instances for name in each.final}))


def rank_table(instances: Sequence[Instance]) -> tuple[list[str], np.ndarray]:
    """Rank the optimizers that ran on all tasks.

    Parameters
    ----------
    instances : sequence of Instance
        One or more.

    Returns
    -------
    names : list of str
    ranks : ndarray, shape (tasks, names)
        1 is best; ties share the mean rank.
    """
    names = everywhere(instances)
    medians = middles(instances, names)
    return names, rankdata(-medians, axis=1) if names else medians


def middles(instances: Sequence[Instance], names: Sequence[str]) -> np.ndarray:
    """Collect the medians by each task's measure.

    Parameters
    ----------
    instances : sequence of Instance
    names : sequence of str
        Optimizers that have a value on all of them.

    Returns
    -------
    ndarray, shape (tasks, names)
        In [0, 1].
    """
    return np.array([[each.middle(name) for name in names] for each in instances])


def run_rows(instances: Sequence[Instance]) -> list[RunRow]:
    """List every run on every task, as measured on search items.

    Parameters
    ----------
    instances : sequence of Instance

    Returns
    -------
    list of RunRow
    """
    return [
        RunRow(each.task, name, seed, value, value / each.reference)
        for each in instances
        for name, runs in each.final.items()
        for seed, value in runs.items()
    ]


def task_rows(instances: Sequence[Instance]) -> list[TaskRow]:
    """List every optimizer on every task that it ran on.

    Parameters
    ----------
    instances : sequence of Instance
        One or more.

    Returns
    -------
    list of TaskRow
    """
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
