"""Seeds crossed with items: how sure a difference of means is, over runs and over items.

All runs of a task are judged on the same items. So what these items favour does not shrink with the
number of seeds, and a test over seeds alone does not see it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats as scipy_stats

from suite.statistics import pareto

Values = NDArray[np.float64]
RESAMPLES = 1000
ROUNDING = 1e-12  # shares and losses are of order 1
NO_DRAWS: Values = np.empty(0)  # of exact values, which no item makes


@dataclass(frozen=True, eq=False)
class Measured:
    """The models of one run on one objective: outcomes (k, n) on n items, or fixed figures (k,).

    `items` names the evaluator: objectives that share it share its items. A score becomes a loss as
    (`ideal` − score) / (`ideal` − `reference`). Outcomes (k, 0) with `scores` (k,) are held fixed.
    """

    items: str
    ideal: float
    reference: float
    scores: Values
    outcomes: Values

    @property
    def fixed(self) -> bool:
        return not self.outcomes.size


@dataclass(frozen=True)
class OverItems:
    """A difference of means over runs, and its standard errors due to items and due to seeds.

    The interval (95 %) and `p` are of t on √(`sd_items`² + `sd_seeds`²), with the seeds of the smaller
    side minus 1 degrees of freedom; NaN where a side has one seed.
    """

    difference: float
    low: float
    high: float
    p: float
    sd_items: float
    sd_seeds: float


def counts(
    sizes: Mapping[str, int], rng: np.random.Generator | None = None, resamples: int = RESAMPLES
) -> dict[str, Values]:
    """How often each item is drawn: by evaluator (resamples, n), drawn with replacement.

    `sizes` holds the number of items of each evaluator. Every evaluator has a generator of its own
    name, so that one that is added does not change the others' draws.
    """
    found = {}
    base = np.random.default_rng(0) if rng is None else rng
    key = int(base.integers(2**32))
    for name, n in sizes.items():
        own = np.random.default_rng([key, *name.encode()])
        found[name] = own.multinomial(n, np.full(n, 1 / n), size=resamples).astype(float)
    return found


def losses(run: Sequence[Measured], drawn: Mapping[str, Values]) -> Values:
    """Losses of a run's k models on every draw of items, shape (resamples, k, objectives).

    `drawn` is that of `counts`, the same for all models and runs.
    """
    resamples = len(next(iter(drawn.values())))
    columns = []
    for each in run:
        if each.fixed:
            scores = np.broadcast_to(each.scores, (resamples, len(each.scores)))
        else:
            scores = drawn[each.items] @ each.outcomes.T / each.outcomes.shape[1]
        columns.append((each.ideal - scores) / (each.ideal - each.reference))
    return np.stack(columns, axis=2)


def volumes(run: Sequence[Measured], drawn: Mapping[str, Values]) -> Values:
    """Hypervolume of one run's front on every draw of items; shape (resamples,).

    Every model's score, loss and dominance is computed again on the items drawn.
    """
    again = losses(run, drawn)
    if again.shape[2] == 1:
        return np.asarray(np.clip(1.0 - again[:, :, 0].min(axis=1), 0.0, 1.0))
    if again.shape[2] == 2:
        return _areas(again)
    return np.array([pareto.hypervolume(rows) for rows in again])


def _areas(again: Values) -> Values:
    """`pareto.hypervolume` of two losses, (r, k, 2), for all r at once, by a sweep along the first."""
    inside = np.where((again < 1).all(axis=2, keepdims=True), np.maximum(again, 0.0), 1.0)
    order = np.argsort(inside[:, :, 0], axis=1, kind="stable")
    x = np.take_along_axis(inside[:, :, 0], order, axis=1)
    y = np.minimum.accumulate(np.take_along_axis(inside[:, :, 1], order, axis=1), axis=1)
    widths = np.diff(x, axis=1, append=1.0)
    return np.asarray((widths * (1.0 - y)).sum(axis=1))


def difference(
    a: ArrayLike,
    b: ArrayLike,
    drawn_a: Sequence[ArrayLike],
    drawn_b: Sequence[ArrayLike],
    fixed: bool = False,
) -> OverItems:
    """Mean of a minus mean of b, over seeds and items.

    The error due to items is the standard deviation of the difference of means over draws of items,
    that due to seeds √(s_a²/n + s_b²/k). Both hold the interaction of seeds and items, so that their
    sum errs on the careful side (Owen 2007, "The pigeonhole bootstrap").

    Parameters
    ----------
    a, b : array_like, shapes (n,) and (k,)
        The value of every run on the items as they are.
    drawn_a, drawn_b : sequences of n and k arrays, shape (r,)
        The same on r draws of items, each draw the same for both; see `volumes`. With r of 0 the
        values are exact, and there is no error due to items.
    fixed : bool
        Whether `b` is one model that no seed made: it has no error due to seeds, and `a` alone gives
        the degrees of freedom.

    Examples
    --------
    >>> found = difference([0.5, 0.7], [0.3, 0.3], [[0.5, 0.6], [0.7, 0.8]], [[0.3, 0.4]] * 2)
    >>> round(found.difference, 9), found.sd_items < 1e-9, round(found.sd_seeds, 9)
    (0.3, True, 0.1)
    """
    first, second = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    value = float(first.mean() - second.mean())
    sides = [np.asarray(side, dtype=float).mean(axis=0) for side in (drawn_a, drawn_b)]
    means = sides[0] - sides[1]
    items = float(np.std(means, ddof=1)) if means.size else 0.0
    groups = (first,) if fixed else (first, second)
    freedom = min(map(len, groups)) - 1
    if freedom < 1:
        return OverItems(value, math.nan, math.nan, math.nan, items, math.nan)
    seeds = math.sqrt(sum(group.var(ddof=1) / len(group) for group in groups))
    error = math.hypot(items, seeds)
    if error < ROUNDING:  # exact values: they are equal or they are not
        return OverItems(value, value, value, float(abs(value) < ROUNDING), items, seeds)
    reach = float(scipy_stats.t.ppf(0.975, freedom)) * error
    p = float(2 * scipy_stats.t.sf(abs(value) / error, freedom))
    return OverItems(value, value - reach, value + reach, p, items, seeds)


def of_outcomes(a: ArrayLike, b: ArrayLike, fixed: bool = False) -> OverItems:
    """Mean outcome of models a minus that of models b on the same items, over seeds and items.

    Parameters
    ----------
    a, b : array_like, shapes (k, n) and (l, n)
        Each model's outcome on each of the n items.
    fixed : bool
        Whether `b` is one model that no seed made; see `difference`.

    Examples
    --------
    >>> found = of_outcomes([[1, 0, 1, 1], [1, 1, 1, 0]], [[0, 0, 1, 1]], fixed=True)
    >>> found.difference, found.sd_seeds
    (0.25, 0.0)
    """
    first, second = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    drawn = counts({"items": first.shape[1]})["items"] / first.shape[1]
    again = [[drawn @ outcomes for outcomes in side] for side in (first, second)]
    return difference(first.mean(axis=1), second.mean(axis=1), again[0], again[1], fixed)
