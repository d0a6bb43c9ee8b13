"""Seeds crossed with items: how sure a difference of means is, over runs and over items.

All runs of a task are judged on the same items. So what these items favour does not shrink with the
number of seeds, and a test over seeds alone does not see it. Items are drawn again, the same draw for
all runs: the pigeonhole bootstrap of Owen 2007, "The pigeonhole bootstrap", Annals of Applied
Statistics 1, 386-411, with its seeds' part by formula.
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
    """The models of one run on one objective.

    Attributes
    ----------
    items : str
        Names the evaluator: objectives that share it share its items.
    ideal, reference : float
        A score becomes a loss as (`ideal` − score) / (`ideal` − `reference`); they differ.
    scores : ndarray, shape (k,)
        The k models' scores in natural units; read only where there are no outcomes.
    outcomes : ndarray, shape (k, n)
        Outcome of each model on each item, of which the score is the mean; with n of 0 the scores are
        held fixed.
    """

    items: str
    ideal: float
    reference: float
    scores: Values
    outcomes: Values

    @property
    def fixed(self) -> bool:
        """Whether the figures are held fixed, since no outcomes are known."""
        return not self.outcomes.size


@dataclass(frozen=True)
class OverItems:
    """A difference of means over runs, and its standard errors due to items and due to seeds.

    Attributes
    ----------
    difference : float
        In the unit of the values.
    low, high : float
        95 % interval, of t on √(`sd_items`² + `sd_seeds`²), with the seeds of the smaller side minus 1
        degrees of freedom; NaN where a side has one seed.
    p : float
        Two-sided, in [0, 1], of the same t; NaN where a side has one seed.
    sd_items : float
        Standard error due to items, 0 or more.
    sd_seeds : float
        Standard error due to seeds, 0 or more; NaN where a side has one seed.
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
    """Draw how often each item counts, with replacement, for each evaluator by itself.

    Every evaluator has a generator of its own name, so that one that is added does not change the
    others' draws.

    Parameters
    ----------
    sizes : mapping of str to int
        The number of items of each evaluator, 1 or more.
    rng : numpy.random.Generator, optional
        Left out, one with a fixed seed.
    resamples : int
        Number of draws.

    Returns
    -------
    dict of str to ndarray, shape (resamples, n)
        Whole numbers 0, 1, 2, …; each row adds up to n.

    Examples
    --------
    >>> drawn = counts({"maths": 5}, resamples=3)["maths"]
    >>> drawn.shape, drawn.sum(axis=1).tolist()
    ((3, 5), [5.0, 5.0, 5.0])
    """
    drawn = {}
    base = np.random.default_rng(0) if rng is None else rng
    key = int(base.integers(2**32))
    for name, n in sizes.items():
        own = np.random.default_rng([key, *name.encode()])
        drawn[name] = own.multinomial(n, np.full(n, 1 / n), size=resamples).astype(float)
    return drawn


def losses(run: Sequence[Measured], drawn: Mapping[str, Values]) -> Values:
    """Compute the losses of a run's models on every draw of items.

    Parameters
    ----------
    run : sequence of Measured
        One per objective, of the same k models.
    drawn : mapping of str to ndarray, shape (resamples, n)
        Those of `counts`, the same for all models and runs; at least one.

    Returns
    -------
    ndarray, shape (resamples, k, objectives)

    Examples
    --------
    >>> one = Measured("maths", 1.0, 0.0, np.empty(0), np.array([[1.0, 0.0], [1.0, 1.0]]))
    >>> losses([one], {"maths": np.array([[2.0, 0.0], [1.0, 1.0]])})[:, :, 0].tolist()
    [[0.0, 0.0], [0.5, 0.0]]
    """
    resamples = len(next(iter(drawn.values())))
    columns = []
    for each in run:
        if each.fixed:
            scores = np.broadcast_to(each.scores, (resamples, len(each.scores)))
        else:
            scores = drawn[each.items] @ each.outcomes.T / each.outcomes.shape[1]
        # the loss of suite.objective, of all draws at once
        columns.append((each.ideal - scores) / (each.ideal - each.reference))
    return np.stack(columns, axis=2)


def volumes(run: Sequence[Measured], drawn: Mapping[str, Values]) -> Values:
    """Compute the hypervolume of one run's front on every draw of items.

    Every model's score, loss and dominance is computed again on the items drawn.

    Parameters
    ----------
    run : sequence of Measured
        One per objective, of the same k models.
    drawn : mapping of str to ndarray, shape (resamples, n)
        Those of `counts`, the same for all runs.

    Returns
    -------
    ndarray, shape (resamples,)
        In [0, 1], as `pareto.hypervolume` measures it.

    Examples
    --------
    >>> one = Measured("maths", 1.0, 0.0, np.empty(0), np.array([[1.0, 0.0], [0.0, 1.0]]))
    >>> volumes([one], {"maths": np.array([[2.0, 0.0], [1.0, 1.0]])}).tolist()
    [1.0, 0.5]
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
    """Compare the means of a and b over seeds and items.

    The error due to items is the standard deviation of the difference of means over draws of items,
    that due to seeds √(s_a²/n + s_b²/k). Both hold the interaction of seeds and items, so that their
    sum errs on the careful side (Owen 2007, section 4).

    Parameters
    ----------
    a, b : array_like, shapes (n,) and (k,)
        The value of every run on the items as they are, one or more.
    drawn_a, drawn_b : sequence of array_like, n and k of shape (r,)
        The same on r draws of items, each draw the same for both; see `volumes`. With r of 0 the
        values are exact, and there is no error due to items.
    fixed : bool
        Whether `b` is one model that no seed made: it has no error due to seeds, and `a` alone gives
        the degrees of freedom.

    Returns
    -------
    OverItems
        Of mean(a) − mean(b). Where neither seeds nor items vary p is 1 for equal values, else 0.

    Examples
    --------
    >>> over = difference([0.5, 0.7], [0.3, 0.3], [[0.5, 0.6], [0.7, 0.8]], [[0.3, 0.4]] * 2)
    >>> round(over.difference, 9), over.sd_items < 1e-9, round(over.sd_seeds, 9)
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
    """Compare the mean outcomes of models a and models b on the same items, over seeds and items.

    Parameters
    ----------
    a, b : array_like, shapes (k, n) and (l, n)
        Each model's outcome on each of the n items; one model and one item at least.
    fixed : bool
        Whether `b` is one model that no seed made; see `difference`.

    Returns
    -------
    OverItems
        Of mean(a) − mean(b), in the unit of the outcomes.

    Examples
    --------
    >>> over = of_outcomes([[1, 0, 1, 1], [1, 1, 1, 0]], [[0, 0, 1, 1]], fixed=True)
    >>> over.difference, over.sd_seeds
    (0.25, 0.0)
    """
    first, second = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    drawn = counts({"items": first.shape[1]})["items"] / first.shape[1]
    again = [[drawn @ outcomes for outcomes in side] for side in (first, second)]
    return difference(first.mean(axis=1), second.mean(axis=1), again[0], again[1], fixed)
