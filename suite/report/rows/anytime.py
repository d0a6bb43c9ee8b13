"""What is reached when: anytime hypervolume over seeds, and runtimes until fixed targets.

Hansen et al. 2021, "COCO: a platform for comparing continuous optimizers in a black-box setting": the
targets of a runtime are fixed, and a run that misses one counts with all that it spent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from suite.report.load.results import Results
from suite.report.load.traces import Trace
from suite.statistics import bootstrap

Vector = NDArray[np.float64]
STEPS = 200  # points of a curve against tokens or seconds
MOST = 300  # points of a curve against trials
TARGETS = (0.5, 0.8, 0.9, 0.95, 0.99)  # of the reference hypervolume


@dataclass(frozen=True)
class Curve:
    """Anytime hypervolume of one optimizer over its seeds.

    Attributes
    ----------
    name : str
        Of the optimizer.
    x : ndarray, shape (n,)
        What was spent.
    middle : ndarray, shape (n,)
        Median hypervolume at each `x`, in [0, 1].
    low, high : ndarray, shape (n,)
        The band; `band` says of what.
    sure_low, sure_high : ndarray, shape (n,)
        Pointwise 95 % bootstrap interval of the median; empty, shape (0,), for fewer than 5 seeds.
    """

    name: str
    x: Vector
    middle: Vector
    low: Vector
    high: Vector
    sure_low: Vector
    sure_high: Vector


def curves(results: Results, axis: str) -> list[Curve]:
    """Draw the hypervolume on search items over what was spent.

    A trial counts when it is done, so that nothing is reached at 0.

    Parameters
    ----------
    results : Results
    axis : str
        One of `traces.AXES`.

    Returns
    -------
    list of Curve
        One per optimizer, up to its shortest run; none for one that spent nothing on this axis.
    """
    lines = []
    for optimizer in results.optimizers:
        traces = results.traces_of(optimizer)
        if traces and min(trace.spent(axis)[-1] for trace in traces) > 0:
            x = _grid(traces, axis)
            lines.append(_curve(optimizer, x, [_stairs(x, trace, axis) for trace in traces]))
    return lines


def _grid(traces: Sequence[Trace], axis: str) -> Vector:
    end = min(trace.spent(axis)[-1] for trace in traces)
    if axis != "trials":
        return np.linspace(0.0, end, STEPS + 1)
    every: Vector = np.arange(1.0, end + 1)
    if len(every) <= MOST:
        return every
    # The first third one by one: there most is gained.
    tail = np.linspace(MOST // 3 + 1, end, MOST - MOST // 3)
    return np.unique(np.concatenate([every[: MOST // 3], np.round(tail)]))


def _stairs(x: Vector, trace: Trace, axis: str) -> Vector:
    """Read the hypervolume as it stood at each `x`: 0 before the first trial is done."""
    done = np.searchsorted(trace.spent(axis), x, side="right")
    return np.concatenate([[0.0], trace.hypervolume])[done]


def _curve(name: str, x: Vector, values: Sequence[Vector]) -> Curve:
    """Median and band: interquartile from 5 seeds on, all the values below that."""
    stacked = np.stack(values)
    few = len(values) < bootstrap.FEWEST_SEEDS
    low, high = np.quantile(stacked, (0.0, 1.0) if few else (0.25, 0.75), axis=0)
    sure = bootstrap.bootstrap_medians(stacked)
    ends = np.empty((2, 0)) if sure is None else sure
    return Curve(name, x, np.median(stacked, axis=0), low, high, ends[0], ends[1])


def band(results: Results) -> str:
    """Say what the band around the curves means.

    Parameters
    ----------
    results : Results

    Returns
    -------
    str
        A clause.
    """
    counts = [len(results.of(optimizer)) for optimizer in results.optimizers]
    words = {True: "interquartile range of the seeds", False: "lowest to highest seed"}
    kinds = {count >= bootstrap.FEWEST_SEEDS for count in counts}
    if len(kinds) == 1:
        return words[kinds.pop()]
    return f"{words[True]} (under {bootstrap.FEWEST_SEEDS} seeds: {words[False]})"


@dataclass(frozen=True)
class RuntimeRow:
    """One optimizer and one target over seeds: a line of ``runtimes.csv``, in trials on search items.

    Attributes
    ----------
    optimizer : str
    target : float
        Share of the reference hypervolume, in (0, 1).
    hypervolume : float
        The target itself.
    seeds : int
        Runs with a trial.
    reached : int
        How many of them reached it.
    median : float
        Of the runs' trials until then; infinite where fewer than half reached it.
    expected : float
        What all runs spent until they reached it or ended, per run that did: COCO's ERT (Hansen et al.
        2021, section 4); infinite if none did.
    """

    optimizer: str
    target: float
    hypervolume: float
    seeds: int
    reached: int
    median: float
    expected: float


@dataclass(frozen=True)
class Steps:
    """An empirical distribution of runtimes: a staircase from 0 to where the shortest run ends.

    Attributes
    ----------
    name : str
        Of the optimizer.
    x : ndarray, shape (n,)
        What was spent.
    y : ndarray, shape (n,)
        Share of the optimizer's runs and targets that is reached by then, in [0, 1].
    """

    name: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]


def runtime(trace: Trace, axis: str, hypervolume: float) -> float:
    """Tell what a run had spent when it reached a hypervolume.

    Parameters
    ----------
    trace : Trace
    axis : str
        One of `traces.AXES`.
    hypervolume : float
        The target; reached within a relative 1e-12.

    Returns
    -------
    float
        Infinite if it never did.
    """
    reached = trace.hypervolume >= hypervolume * (1 - 1e-12)
    return float(trace.spent(axis)[np.argmax(reached)]) if reached.any() else math.inf


def runtime_rows(results: Results) -> list[RuntimeRow]:
    """List runtimes by optimizer and target.

    Parameters
    ----------
    results : Results

    Returns
    -------
    list of RuntimeRow
        Empty without a reference front.
    """
    if results.reference is None:
        return []
    rows = []
    for optimizer in results.optimizers:
        traces = results.traces_of(optimizer)
        for target in TARGETS if traces else ():
            goal = target * results.reference.hypervolume
            times = [runtime(trace, "trials", goal) for trace in traces]
            reached = sum(map(math.isfinite, times))
            spent = sum(
                min(t, len(trace.hypervolume)) for t, trace in zip(times, traces, strict=True)
            )
            expected = spent / reached if reached else math.inf
            rows.append(
                RuntimeRow(optimizer, target, goal, len(times), reached, median(times), expected)
            )
    return rows


def ecdf(results: Results, axis: str) -> list[Steps]:
    """Draw the share of runs and targets that is reached over what was spent.

    Parameters
    ----------
    results : Results
    axis : str
        One of `traces.AXES`.

    Returns
    -------
    list of Steps
        One per optimizer with a trial; empty without a reference front.
    """
    if results.reference is None:
        return []
    lines = []
    for optimizer in results.optimizers:
        traces = results.traces_of(optimizer)
        if traces:
            goals = [target * results.reference.hypervolume for target in TARGETS]
            times = [runtime(trace, axis, goal) for trace in traces for goal in goals]
            lines.append(steps(optimizer, times, min(trace.spent(axis)[-1] for trace in traces)))
    return lines


def steps(name: str, times: Sequence[float], end: float) -> Steps:
    """Draw the empirical distribution of some runtimes.

    Parameters
    ----------
    name : str
        Of the optimizer.
    times : sequence of float
        One or more, which may be infinite.
    end : float
        Up to where it is drawn.

    Returns
    -------
    Steps

    Examples
    --------
    >>> drawn = steps("tpe", [2.0, 4.0, math.inf, 4.0], 10.0)
    >>> drawn.x.tolist(), drawn.y.tolist()
    ([0.0, 2.0, 4.0, 10.0], [0.0, 0.25, 0.75, 0.75])
    """
    x, tallies = np.unique([time for time in times if time <= end], return_counts=True)
    y = np.cumsum(tallies) / len(times)
    level = y[-1] if len(y) else 0.0
    return Steps(name, np.concatenate([[0.0], x, [end]]), np.concatenate([[0.0], y, [level]]))
