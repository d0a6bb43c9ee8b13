"""Variance components of a difference between two strategies over item draws and seeds.

Every strategy runs on every draw with every seed. Of two of them the differences d (draws, seeds) follow

    d[k, s] = mean + D[k] + S[s] + E[k, s],

and the components are the ANOVA estimators of the random two-way layout with one value a cell (Searle,
Casella & McCulloch 1992, *Variance Components*, chapter 4). D is the interaction of strategies with draws:
what a draw gives all strategies alike cancels in d.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]


class Components(NamedTuple):
    """Variances of a difference, in its units squared; estimates of `draws` and `seeds` may be below 0."""

    draws: float
    seeds: float
    rest: float

    @property
    def run(self) -> float:
        """Of a run with another seed on the same draw: `seeds` and `rest` together."""
        return self.seeds + self.rest


def components(d: Array) -> Components:
    """ANOVA estimates from differences `d` (draws, seeds), two of each at least.

    Examples
    --------
    >>> components(np.array([[1.0, 1.0], [3.0, 3.0]]))
    Components(draws=2.0, seeds=0.0, rest=0.0)
    """
    k, s = d.shape
    rows, columns, mean = d.mean(axis=1), d.mean(axis=0), d.mean()
    left = d - rows[:, None] - columns + mean
    rest = float((left**2).sum() / ((k - 1) * (s - 1)))
    of_draws = s * rows.var(ddof=1)
    of_seeds = k * columns.var(ddof=1)
    return Components(float((of_draws - rest) / s), float((of_seeds - rest) / k), rest)


def random_draws(d: Array) -> tuple[float, float]:
    """Standard error of the mean difference and two-sided p, for draws like these: t over their means."""
    means = d.mean(axis=1)
    return _t(d.mean(), float(means.std(ddof=1)) / math.sqrt(len(means)), len(means) - 1)


def fixed_draws(d: Array) -> tuple[float, float]:
    """The same for these very draws: only runs within a draw are random."""
    k, s = d.shape
    within = float(d.var(axis=1, ddof=1).mean())
    return _t(d.mean(), math.sqrt(within / (k * s)), k * (s - 1))


def one_draw(d: Array) -> tuple[float, float]:
    """The same for one draw (seeds,): what a study on a single item set computes."""
    return _t(d.mean(), float(d.std(ddof=1)) / math.sqrt(len(d)), len(d) - 1)


def _t(mean: float, error: float, freedom: int) -> tuple[float, float]:
    if error == 0.0:
        return 0.0, 1.0 if mean == 0.0 else 0.0
    return error, float(2 * stats.t.sf(abs(mean) / error, freedom))
