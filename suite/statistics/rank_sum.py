"""Two strategies over seeds by the ranks of their runs: the test, its limits and its effect size."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats as scipy_stats

from suite.statistics.bootstrap import RESAMPLES


def mann_whitney(a: ArrayLike, b: ArrayLike) -> float:
    """Two-sided p that a (n,) and b (k,) come from one distribution; by permutation under ties."""
    first, second = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    together = np.concatenate([first, second])
    if np.unique(together).size == together.size:
        return float(scipy_stats.mannwhitneyu(first, second, method="exact").pvalue)
    method = scipy_stats.PermutationMethod(n_resamples=RESAMPLES, rng=np.random.default_rng(0))
    return float(scipy_stats.mannwhitneyu(first, second, method=method).pvalue)


def smallest_p(n: int, k: int) -> float:
    """The smallest two-sided Mann–Whitney p that samples of sizes `n` and `k` can reach."""
    return min(1.0, 2.0 / math.comb(n + k, n))


def probability_of_improvement(a: ArrayLike, b: ArrayLike) -> float:
    """Probability that a run of `a` (n,) beats one of `b` (k,), larger is better, ties half.

    The effect size of Agarwal et al. (2021), "Deep RL at the edge of the statistical precipice".
    """
    first, second = np.asarray(a, dtype=float)[:, None], np.asarray(b, dtype=float)[None, :]
    return float(((first > second) + 0.5 * (first == second)).mean())


def detectable_shift(n: int, alpha: float = 0.05, power: float = 0.8) -> float:
    """Shift, in standard deviations, found with `power` by Mann–Whitney on `n` and `n` seeds.

    Simulated with normal values; infinite when even complete separation does not reach `alpha`.
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
