"""Two models on the same items: their difference, how sure it is, and which one dominates.

No p value is drawn at random. The intervals are: their numpy Generator is explicit, and where it is
left out one with a fixed seed is made, so that the same outcomes always give the same figures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats as scipy_stats

from suite.errors import BadInput
from suite.statistics.bootstrap import RESAMPLES
from suite.statistics.families import holm
from suite.statistics.sign_flip import sign_flip

Values = NDArray[np.float64]
Interval = tuple[float, float]
Kind = Literal["dominates", "dominated", "incomparable"]

CHUNK = 1_000_000  # drawn numbers held in memory at once


@dataclass(frozen=True)
class Paired:
    """Two models' outcomes on the same items, in the unit of the outcomes.

    Attributes
    ----------
    difference : float
        Mean of a − b over items.
    low, high : float
        95 % interval of it, percentile bootstrap over items.
    p : float
        Two-sided, in (0, 1]; 1 where nothing differs.
    """

    difference: float
    low: float
    high: float
    p: float


@dataclass(frozen=True)
class Relation:
    """How one vector of losses stands to another.

    Attributes
    ----------
    kind : {"dominates", "dominated", "incomparable"}
    resolved : bool
        Whether every difference that `kind` rests on is significant.
    """

    kind: Kind
    resolved: bool


def paired(a: ArrayLike, b: ArrayLike, rng: np.random.Generator | None = None) -> Paired:
    """Compare the outcomes of two models on the same items.

    p is exact McNemar when all outcomes are 0 or 1: the binomial test of the items on which the models
    differ (McNemar 1947, "Note on the sampling error of the difference between correlated proportions
    or percentages"). Otherwise it is that of the sign-flip test of the mean difference
    (`suite.statistics.sign_flip`).

    Parameters
    ----------
    a, b : array_like, shape (n,)
        Finite, n of 1 or more, in the same item order, on their own scale.
    rng : numpy.random.Generator, optional
        Draws items for the interval; left out, one with a fixed seed.

    Returns
    -------
    Paired

    Raises
    ------
    BadInput
        When the lengths differ, there is no item or an outcome is not finite.

    Examples
    --------
    >>> paired([1, 1, 1, 1, 1, 0], [0, 0, 0, 0, 1, 0]).p  # four items won, none lost: 2 / 2⁴
    0.125
    """
    first, second = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if first.shape != second.shape or first.ndim != 1 or first.size == 0:
        raise BadInput(
            f"paired comparison: outcomes of shapes {first.shape} and {second.shape};"
            " both models must be measured on the same items, one or more"
        )
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise BadInput("paired comparison: an outcome is not finite")
    rng = np.random.default_rng(0) if rng is None else rng
    differences = first - second
    binary = bool(np.isin(first, (0.0, 1.0)).all() and np.isin(second, (0.0, 1.0)).all())
    p = _mcnemar(differences) if binary else sign_flip(differences)
    low, high = _mean_interval(differences, rng)
    return Paired(float(differences.mean()), low, high, p)


def _mcnemar(differences: Values) -> float:
    won, lost = int((differences > 0).sum()), int((differences < 0).sum())
    return float(scipy_stats.binomtest(won, won + lost, 0.5).pvalue) if won + lost else 1.0


def _mean_interval(differences: Values, rng: np.random.Generator) -> Interval:
    """Percentile bootstrap of the mean: how often each distinct value is drawn is multinomial."""
    values, counts = np.unique(differences, return_counts=True)
    n, rows = len(differences), max(1, CHUNK // len(values))
    means: list[Values] = []
    for start in range(0, RESAMPLES, rows):
        drawn = rng.multinomial(n, counts / n, size=min(rows, RESAMPLES - start))
        means.append(drawn @ values / n)
    low, high = np.quantile(np.concatenate(means), [0.025, 0.975])
    return float(low), float(high)


def relation(
    losses_a: ArrayLike, losses_b: ArrayLike, p: Sequence[float] = (), alpha: float = 0.05
) -> Relation:
    """Tell the Pareto relation of losses a to losses b, and whether it is resolved.

    *Dominates* and *dominated* are resolved when the difference in every objective is significant, an
    intersection-union test that needs no correction (Berger 1982, "Multiparameter hypothesis testing and
    acceptance sampling"); *incomparable* when, after Holm over objectives, one is significantly better
    and another significantly worse.

    Parameters
    ----------
    losses_a, losses_b : array_like, shape (m,)
        Equal vectors are incomparable.
    p : sequence of float, shape (m,), optional
        The paired comparison's p per objective; NaN or left out: unknown.
    alpha : float
        Level of the tests, in (0, 1).

    Returns
    -------
    Relation

    Raises
    ------
    ValueError
        When the shapes differ, or a p lies outside [0, 1].

    Examples
    --------
    >>> relation([0.1, 0.2], [0.2, 0.3], [0.01, 0.04])
    Relation(kind='dominates', resolved=True)
    >>> relation([0.1, 0.4], [0.2, 0.3], [0.01, 0.04])  # Holm doubles the smaller p alone
    Relation(kind='incomparable', resolved=True)
    """
    a, b = np.asarray(losses_a, dtype=float), np.asarray(losses_b, dtype=float)
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"losses of shapes {a.shape} and {b.shape}, wanted twice (m,)")
    known = np.asarray(p, dtype=float) if len(p) else np.full(a.shape, math.nan)
    if known.shape != a.shape:
        raise ValueError(f"{known.size} p values for {a.size} objectives")
    known = np.where(np.isnan(known), 1.0, known)
    if (a != b).any() and ((a <= b).all() or (a >= b).all()):
        kind: Kind = "dominates" if (a <= b).all() else "dominated"
        return Relation(kind, bool((known < alpha).all()))
    significant = holm(known) < alpha
    conflict = (significant & (a < b)).any() and (significant & (a > b)).any()
    return Relation("incomparable", bool(conflict))
