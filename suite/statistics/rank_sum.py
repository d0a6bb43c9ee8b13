"""Two strategies over seeds by the ranks of their runs: the test, its limits and its effect size."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats as scipy_stats

Values = NDArray[np.float64]
EXACT = 200  # runs on both sides together up to which the distribution is computed


def mann_whitney(a: ArrayLike, b: ArrayLike) -> float:
    """Compute the two-sided p of the Wilcoxon–Mann–Whitney test, exact with and without ties.

    The sums of midranks of all ways to deal the pooled values out to samples of the two sizes are
    counted by dynamic programming (Streitberg & Röhmel 1986, "Exact distributions for permutation and
    rank tests", the shift algorithm). Two-sided is twice the smaller of the two tails, at most 1, as in
    `scipy.stats.permutation_test`.

    Parameters
    ----------
    a, b : array_like, shapes (n,) and (k,)
        Finite values, one or more of each. Beyond `EXACT` in all, the normal approximation with
        corrections for ties and continuity is used.

    Returns
    -------
    float
        p in (0, 1]; 1 where all values are equal. Counts are non-negative float64 that are only added
        up, so that the relative error is below (n + k) · 2.3e-16.

    Raises
    ------
    ValueError
        For an empty sample, or a value that is not finite.

    Examples
    --------
    >>> round(mann_whitney([1, 2, 3], [4, 5, 6]), 6)
    0.1
    >>> mann_whitney([0.1, 0.1], [0.1])
    1.0
    """
    first, second = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    pooled = np.concatenate([first.ravel(), second.ravel()])
    if (first.ndim, second.ndim) != (1, 1) or not first.size * second.size:
        raise ValueError("rank sum test: wanted two vectors of one value or more")
    if not np.isfinite(pooled).all():
        raise ValueError("rank sum test: a value is not finite")
    if (pooled == pooled[0]).all():
        return 1.0
    if pooled.size > EXACT:
        return float(scipy_stats.mannwhitneyu(first, second, method="asymptotic").pvalue)
    steps = _steps(scipy_stats.rankdata(pooled))
    own, size = steps[: first.size], first.size
    if second.size < size:  # the smaller sample has the smaller table
        own, size = steps[first.size :], second.size
    return _two_sided(_sums(steps, size), int(own.sum()))


def _steps(midranks: Values) -> NDArray[np.int64]:
    """Midranks (n,) as whole steps above the least, as few as there can be."""
    doubled = np.rint(2 * midranks).astype(np.int64)
    above = doubled - doubled.min()
    return np.asarray(above // np.gcd.reduce(above), dtype=np.int64)


def _sums(steps: NDArray[np.int64], size: int) -> Values:
    """How often `size` of the `steps` (n,) add up to 0, 1, 2, …; scaled by 2 to the −n."""
    ordered = np.sort(steps)
    table = np.zeros((size + 1, int(ordered[-size:].sum()) + 1))
    table[0, 0] = 1.0
    for step in ordered.tolist():
        taken = table[:-1, : table.shape[1] - step].copy()
        table[1:, step:] += taken
        table *= 0.5  # a power of two is exact, and a count of C(1000, 500) would still fit
    return np.asarray(table[size])


def _two_sided(weights: Values, observed: int) -> float:
    low, high = weights[: observed + 1].sum(), weights[observed:].sum()
    return float(min(1.0, 2.0 * min(low, high) / weights.sum()))


def smallest_p(n: int, k: int) -> float:
    """Compute the smallest two-sided Mann–Whitney p that samples of two sizes can reach.

    That of complete separation: two of the C(n + k, n) ways to deal the values out.

    Parameters
    ----------
    n, k : int
        Sizes, 0 or more.

    Returns
    -------
    float
        In (0, 1].

    Examples
    --------
    >>> smallest_p(3, 3), smallest_p(1, 1)
    (0.1, 1.0)
    """
    return min(1.0, 2.0 / math.comb(n + k, n))


def probability_of_improvement(a: ArrayLike, b: ArrayLike) -> float:
    """Compute the share of pairs in which a run of `a` beats one of `b`, ties half.

    The effect size of Agarwal et al. (2021), "Deep RL at the edge of the statistical precipice",
    section 4.3: U / (n k) of the Mann–Whitney statistic.

    Parameters
    ----------
    a, b : array_like, shapes (n,) and (k,)
        One value or more each; larger is better.

    Returns
    -------
    float
        In [0, 1].

    Examples
    --------
    >>> probability_of_improvement([3.0, 1.0], [1.0, 2.0])
    0.625
    """
    first, second = np.asarray(a, dtype=float)[:, None], np.asarray(b, dtype=float)[None, :]
    return float(((first > second) + 0.5 * (first == second)).mean())


def detectable_shift(n: int, alpha: float = 0.05, power: float = 0.8) -> float:
    """Find the shift that Mann–Whitney on `n` and `n` seeds finds with a given power.

    Simulated with 2000 pairs of normal samples from a fixed seed, by bisection to 0.01.

    Parameters
    ----------
    n : int
        Seeds of each strategy.
    alpha : float
        Level of the test, in (0, 1).
    power : float
        Wanted probability, in (0, 1).

    Returns
    -------
    float
        In standard deviations; infinite when even complete separation does not reach `alpha`.

    Examples
    --------
    >>> detectable_shift(3)
    inf
    """
    if n < 1 or smallest_p(n, n) >= alpha:
        return math.inf
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 2000, n))
    low, high = 0.0, 16.0
    while high - low > 0.01:
        shift = (low + high) / 2
        p = scipy_stats.mannwhitneyu(a + shift, b, axis=1, method="exact").pvalue
        low, high = (low, shift) if (p < alpha).mean() >= power else (shift, high)
    return round(high, 2)
