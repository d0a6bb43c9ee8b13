"""Differences that hold for other runs and for other items: both are drawn at random, crossed.

All models of a task answer the same report items. So a mean over runs varies for two reasons: another
seed finds another merge, and another set of items is easier for some merges than for others. The second
does not shrink with more seeds. Items are drawn again by the bootstrap, the same draw for every model;
seeds count by their sample variance. The two variances are added, which counts what belongs to a run
*and* an item twice: the sum errs on the safe side, as the crossed ("pigeonhole") bootstrap does (Owen
2007, Annals of Applied Statistics 1(2), 386-411).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats as scipy_stats

Values = NDArray[np.float64]
RESAMPLES = 2000


@dataclass(frozen=True)
class Contrast:
    """A difference of means over runs, and how sure it is over runs and items together.

    Attributes
    ----------
    difference : float
        Mean of the first group minus mean of the second.
    low, high : float
        95 % interval by Student's t on `error`; infinite for two runs that nothing else is known of.
    p : float
        Two-sided p of no difference, by the same t.
    error_seeds, error_items : float
        Standard errors of the difference due to seeds and due to items; the total is the root of the
        sum of their squares.
    """

    difference: float
    low: float
    high: float
    p: float
    error_seeds: float
    error_items: float


def item_weights(n: int, rng: np.random.Generator, resamples: int = RESAMPLES) -> Values:
    """How often each of `n` items is drawn, divided by `n`: shape (resamples, n), rows adding up to 1.

    Outcomes (models, n) times the transpose are the models' scores on each drawn item set.

    >>> item_weights(4, np.random.default_rng(0), 3).sum(axis=1).tolist()
    [1.0, 1.0, 1.0]
    """
    return rng.multinomial(n, np.full(n, 1 / n), size=resamples) / n


def contrast(a: ArrayLike, b: ArrayLike, drawn_a: ArrayLike, drawn_b: ArrayLike) -> Contrast:
    """Weigh the values of two groups of runs, or of a group and one fixed model.

    Parameters
    ----------
    a, b : array_like, shapes (k,) and (l,)
        The values of the runs. A group of one is a fixed model: it has no variance over seeds.
    drawn_a, drawn_b : array_like, shapes (r, k) and (r, l)
        The same values on `r` drawn item sets, row by row the same items for both groups. Without
        items (exact values) r is 0.

    Returns
    -------
    Contrast
        Degrees of freedom are those of the smaller group of two runs or more, less 1; of two fixed
        models the normal distribution counts.

    Raises
    ------
    ValueError
        When a group is empty or the shapes do not fit.

    Examples
    --------
    >>> found = contrast([0.3, 0.5], [0.1], np.empty((0, 2)), np.empty((0, 1)))
    >>> round(found.difference, 3), round(found.error_seeds, 3), found.error_items
    (0.3, 0.1, 0.0)
    """
    first, second = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    again = [np.asarray(drawn, dtype=float) for drawn in (drawn_a, drawn_b)]
    if not first.size or not second.size:
        raise ValueError("a group of runs is empty")
    if again[0].shape[1:] != first.shape or again[1].shape[1:] != second.shape:
        raise ValueError(f"drawn values {again[0].shape}, {again[1].shape} for {first.shape} runs")
    difference = float(first.mean() - second.mean())
    sampled = [values for values in (first, second) if values.size > 1]
    seeds = math.sqrt(sum(values.var(ddof=1) / values.size for values in sampled))
    moved = again[0].mean(axis=1) - again[1].mean(axis=1)
    items = float(moved.std(ddof=1)) if moved.size > 1 else 0.0
    freedom = min((values.size - 1 for values in sampled), default=math.inf)
    total = math.hypot(seeds, items)
    if total == 0.0:
        return Contrast(difference, difference, difference, float(difference == 0), 0.0, 0.0)
    reach = float(scipy_stats.t.ppf(0.975, freedom)) * total
    p = 2 * float(scipy_stats.t.sf(abs(difference) / total, freedom))
    return Contrast(difference, difference - reach, difference + reach, p, seeds, items)
