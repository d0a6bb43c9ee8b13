"""Each optimizer over its seeds, by every indicator, and how often its candidates failed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from scipy import stats as scipy_stats

from suite.report.load.results import Results, Run
from suite.statistics import bootstrap, pareto

LARGER, SMALLER = "larger", "smaller"
INDICATORS = {  # field of `Figures`: which is better, and where it is measured
    "hypervolume": (LARGER, "search items"),
    "igd_plus": (SMALLER, "search items, to the reference front"),
    "epsilon": (SMALLER, "search items, to the reference front"),
    "report_hypervolume": (LARGER, "report items, optimistic front"),
    "report_pessimistic": (LARGER, "report items, pessimistic front"),
    "gap": (SMALLER, "search minus optimistic report hypervolume"),
    "optimism": (
        SMALLER,
        "search items, best on one half minus the same on the other, first objective",
    ),
}


@dataclass(frozen=True)
class Figures:
    """A run's indicators; NaN where it is not judged, or no reference front is frozen.

    Attributes
    ----------
    hypervolume : float
        Final one on search items, in [0, 1].
    igd_plus, epsilon : float
        To the reference front, on search items, in losses.
    report_hypervolume : float
        On report items, of the judged merges that no other of them dominates there, in [0, 1].
    report_pessimistic : float
        On report items, of those that dominate none, in [0, 1].
    gap : float
        How much more hypervolume the search items promised than `report_hypervolume` gives.
    optimism : float
        That of `Run`, in the first objective's unit.
    """

    hypervolume: float
    igd_plus: float
    epsilon: float
    report_hypervolume: float
    report_pessimistic: float
    gap: float
    optimism: float


@dataclass(frozen=True)
class StrategyRow:
    """One optimizer by one indicator: a line of ``strategies.csv``.

    Attributes
    ----------
    optimizer, indicator : str
    better : {"larger", "smaller"}
    measured : str
        On which items, in words.
    seeds : int
        Runs that have the indicator.
    median, low, high : float
        Over them, with the 95 % bootstrap interval over seeds; NaN ends for fewer than 5.
    iqm, iqm_low, iqm_high : float
        Their interquartile mean and its interval, likewise.
    values : tuple of float
        Of its runs, by seed.
    """

    optimizer: str
    indicator: str
    better: str
    measured: str
    seeds: int
    median: float
    low: float
    high: float
    iqm: float
    iqm_low: float
    iqm_high: float
    values: tuple[float, ...]


@dataclass(frozen=True)
class FailureRow:
    """How many of an optimizer's candidates failed: a line of ``failures.csv``.

    Attributes
    ----------
    optimizer : str
    trials, failures : int
    rate, low, high : float
        Share of failures, in [0, 1], and its 95 % interval (Wilson).
    """

    optimizer: str
    trials: int
    failures: int
    rate: float
    low: float
    high: float


def run_figures(results: Results, run: Run, hypervolume: float) -> Figures:
    """Measure a run by every indicator.

    A failed trial is scored at the reference, so that the point (1, …, 1) is in every front.

    Parameters
    ----------
    results : Results
    run : Run
        One of `results`.
    hypervolume : float
        Its final one, which is known.

    Returns
    -------
    Figures
    """
    m = len(results.objectives)
    losses = np.vstack([run.losses(m), np.ones(m)])
    judged = np.array([line.losses for line in run.reported]).reshape(-1, m)
    report = pareto.hypervolume(judged) if len(judged) else math.nan
    worst = pareto.hypervolume(judged[pareto.pessimistic(judged)]) if len(judged) else math.nan
    return Figures(
        hypervolume=hypervolume,
        igd_plus=_distance(results, losses, pareto.igd_plus),
        epsilon=_distance(results, losses, pareto.epsilon),
        report_hypervolume=report,
        report_pessimistic=worst,
        gap=hypervolume - report,
        optimism=run.optimism,
    )


def _distance(
    results: Results, losses: np.ndarray, measure: Callable[[np.ndarray, np.ndarray], float]
) -> float:
    if results.reference is None:
        return math.nan
    return measure(losses[pareto.front(losses)], results.reference.losses)


def strategy_rows(results: Results, figures: Sequence[Figures]) -> list[StrategyRow]:
    """Sum up each optimizer's runs by each indicator that they have.

    Parameters
    ----------
    results : Results
    figures : sequence of Figures
        Those of the runs, in their order.

    Returns
    -------
    list of StrategyRow
    """
    rows = []
    for optimizer in results.optimizers:
        own = [
            f for run, f in zip(results.runs, figures, strict=True) if run.optimizer == optimizer
        ]
        for indicator in INDICATORS:
            values = tuple(v for f in own if not math.isnan(v := getattr(f, indicator)))
            if values:
                rows.append(_row(optimizer, indicator, values))
    return rows


def _row(optimizer: str, indicator: str, values: tuple[float, ...]) -> StrategyRow:
    better, measured = INDICATORS[indicator]
    low, high = bootstrap.bootstrap_median(values) or (math.nan, math.nan)
    middle = bootstrap.iqm([values])
    return StrategyRow(
        optimizer=optimizer,
        indicator=indicator,
        better=better,
        measured=measured,
        seeds=len(values),
        median=median(values),
        low=low,
        high=high,
        iqm=middle.value,
        iqm_low=middle.low,
        iqm_high=middle.high,
        values=values,
    )


def failure_rows(results: Results) -> list[FailureRow]:
    """Count the failures of every optimizer that has a trial.

    Parameters
    ----------
    results : Results

    Returns
    -------
    list of FailureRow
    """
    rows = []
    for optimizer in results.optimizers:
        traces = results.traces_of(optimizer)
        trials = sum(len(trace.hypervolume) for trace in traces)
        failures = sum(trace.failures for trace in traces)
        if trials:
            # Wilson 1927, "Probable inference, the law of succession, and statistical inference"
            ends = scipy_stats.binomtest(failures, trials).proportion_ci(method="wilson")
            rate = failures / trials
            rows.append(
                FailureRow(optimizer, trials, failures, rate, float(ends.low), float(ends.high))
            )
    return rows
