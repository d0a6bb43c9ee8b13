"""Anytime hypervolume over seeds, against what was spent: shared by the figures and the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from suite.report.load.results import Results
from suite.report.load.traces import Trace
from suite.statistics import bootstrap

Vector = NDArray[np.float64]
STEPS = 200  # points of a curve against tokens or seconds
MOST = 300  # points of a curve against trials


@dataclass(frozen=True)
class Curve:
    """Anytime hypervolume over seeds at each `x`; all of shape (n,).

    `middle` is the median, `low` and `high` the band, `sure_low` and `sure_high` the pointwise 95 %
    bootstrap interval of the median: empty, shape (0,), for fewer than 5 seeds.
    """

    name: str
    x: Vector
    middle: Vector
    low: Vector
    high: Vector
    sure_low: Vector
    sure_high: Vector


def anytime(results: Results, axis: str) -> list[Curve]:
    """Hypervolume on search items on one of `traces.AXES`, per optimizer up to its shortest run.

    A trial counts when it is done, so that nothing is reached at 0.
    """
    found = []
    for optimizer in results.optimizers:
        traces = results.traces_of(optimizer)
        if traces and min(trace.spent(axis)[-1] for trace in traces) > 0:
            x = _grid(traces, axis)
            found.append(_curve(optimizer, x, [_stairs(x, trace, axis) for trace in traces]))
    return found


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
    """The hypervolume as it stood at each `x`: 0 before the first trial is done."""
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
    """What the band around the curves means, in words."""
    counts = [len(results.of(optimizer)) for optimizer in results.optimizers]
    words = {True: "interquartile range of the seeds", False: "lowest to highest seed"}
    kinds = {count >= bootstrap.FEWEST_SEEDS for count in counts}
    if len(kinds) == 1:
        return words[kinds.pop()]
    return f"{words[True]} (under {bootstrap.FEWEST_SEEDS} seeds: {words[False]})"
