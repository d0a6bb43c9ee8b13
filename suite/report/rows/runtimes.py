"""Runtimes: what a run spent until it had reached a share of the reference hypervolume.

Hansen et al. 2021, "COCO: a platform for comparing continuous optimizers in a black-box setting":
the targets are fixed, and a run that misses one counts with all that it spent.
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

TARGETS = (0.5, 0.8, 0.9, 0.95, 0.99)  # of the reference hypervolume


@dataclass(frozen=True)
class RuntimeRow:
    """One optimizer and one target, over seeds, in trials.

    `median` is infinite where fewer than half of the `seeds` reached it. `expected` is what all runs
    spent until they reached it or ended, per run that did (COCO's ERT): infinite if none did.
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
    """An ECDF: at `x` (n,) the share `y` (n,) of an optimizer's runs and targets is reached.

    It starts at 0 and ends where the shortest run does.
    """

    name: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]


def runtime(trace: Trace, axis: str, hypervolume: float) -> float:
    """What `trace` had spent when it reached `hypervolume`; infinite if it never did."""
    reached = trace.hypervolume >= hypervolume * (1 - 1e-12)
    return float(trace.spent(axis)[np.argmax(reached)]) if reached.any() else math.inf


def runtime_rows(results: Results) -> list[RuntimeRow]:
    """One row per optimizer and target; none without a reference front."""
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
    """One ECDF per optimizer on one of `traces.AXES`; none without a reference front."""
    if results.reference is None:
        return []
    found = []
    for optimizer in results.optimizers:
        traces = results.traces_of(optimizer)
        if traces:
            goals = [target * results.reference.hypervolume for target in TARGETS]
            times = [runtime(trace, axis, goal) for trace in traces for goal in goals]
            found.append(steps(optimizer, times, min(trace.spent(axis)[-1] for trace in traces)))
    return found


def steps(name: str, times: Sequence[float], end: float) -> Steps:
    """The ECDF of `times`, which may be infinite, from 0 to `end`."""
    x, tallies = np.unique([time for time in times if time <= end], return_counts=True)
    y = np.cumsum(tallies) / len(times)
    level = y[-1] if len(y) else 0.0
    return Steps(name, np.concatenate([[0.0], x, [end]]), np.concatenate([[0.0], y, [level]]))
