"""Draws of items as a random factor: a difference of strategies over draws, and seeds within draws.

One set of items is one replicate, however many seeds ran on it: what it favours, it favours in every
seed. A statement about items that were not drawn needs several draws, and its error is that between
them.

Two layouts are met. In the nested one each draw has seeds of its own, of which there may be different
numbers (`difference`). In the crossed one each of the same seeds ran on each draw (`components`). The
estimators of both are the ANOVA estimators of Searle, Casella & McCulloch 1992, "Variance Components",
chapters 3 and 4.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats as scipy_stats

from suite.statistics.bootstrap import FEWEST_SEEDS, RESAMPLES

Values = NDArray[np.float64]
ROUNDING = 1e-12  # of the largest value: what is closer than this differs by rounding alone


@dataclass(frozen=True)
class OverDraws:
    """A difference of two strategies over draws of items, in the unit of the values.

    Attributes
    ----------
    difference : float
        Mean over draws of the difference of means over seeds.
    low, high : float
        95 % interval of the difference by the hierarchical bootstrap; NaN for fewer than 5 draws.
    p : float
        Two-sided, in [0, 1], of t with `draws` − 1 degrees of freedom; NaN for one draw.
    draws : int
        Number of draws, 1 or more.
    sd_draws : float
        How far the difference itself varies from draw to draw (strategy × draw); NaN for one draw.
    sd_seeds : float
        How far a run's value varies over seeds on one draw; NaN where every cell has one seed.
    """

    difference: float
    low: float
    high: float
    p: float
    draws: int
    sd_draws: float
    sd_seeds: float

    @property
    def scope(self) -> str:
        """What the figure generalises over, as a clause for a sentence."""
        if self.draws == 1:
            return "over seeds; one draw of items, so that nothing is generalised over draws"
        return f"over seeds and {self.draws} draws of items"


class Components(NamedTuple):
    """Variances that make up a difference of two strategies, in its unit squared.

    Attributes
    ----------
    draws : float
        Of draws. What a draw gives both strategies alike cancels in their difference, so that this
        is the interaction of strategies with draws. The estimate may be below 0.
    seeds : float
        Of seeds; may be below 0.
    rest : float
        Of the interaction of draws and seeds, 0 or more.
    """

    draws: float
    seeds: float
    rest: float

    @property
    def run(self) -> float:
        """Of a run with another seed on the same draw: `seeds` and `rest` together."""
        return self.seeds + self.rest


def difference(
    a: Sequence[ArrayLike],
    b: Sequence[ArrayLike],
    rng: np.random.Generator | None = None,
    resamples: int = RESAMPLES,
) -> OverDraws:
    """Compare strategies a and b over draws, each draw with seeds of its own.

    Variance components are ANOVA estimators of d_i = δ + u_i + e_i, Var(e_i) = σ² (1/n_i + 1/k_i): σ²
    is pooled within strategies and draws, Var(u) is the variance of the d_i beyond what σ² explains, 0
    where that is negative (Searle, Casella & McCulloch 1992, section 3.6). The bootstrap draws draws,
    and within each of them seeds of either strategy (Davison & Hinkley 1997, "Bootstrap Methods and
    Their Application", section 3.8).

    Parameters
    ----------
    a, b : sequence of array_like, D arrays of shapes (n_i,) and (k_i,)
        One vector of seeds' values per draw or task instance, in the same order of draws; D and all
        sizes are 1 or more, and may differ. Larger is better.
    rng : numpy.random.Generator, optional
        Makes the bootstrap's draws; left out, one with a fixed seed.
    resamples : int
        Number of bootstrap resamples.

    Returns
    -------
    OverDraws
        Its p is 1 where nothing differs, and 0 where all draws differ by one and the same amount.

    Raises
    ------
    ValueError
        For unequal numbers of draws, none, or an empty or not finite vector.

    Examples
    --------
    >>> over = difference([[3.0, 5.0], [2.0, 4.0]], [[1.0, 3.0], [1.0, 3.0]])
    >>> over.difference, over.draws
    (1.5, 2)
    """
    first, second = _checked(a), _checked(b)
    if len(first) != len(second):
        raise ValueError(f"{len(first)} draws against {len(second)}; wanted the same ones")
    d = np.array([x.mean() - y.mean() for x, y in zip(first, second, strict=True)])
    noise = _within([*first, *second])
    shares = np.array([1 / len(x) + 1 / len(y) for x, y in zip(first, second, strict=True)])
    between, p = math.nan, math.nan
    if len(d) > 1:
        known = 0.0 if math.isnan(noise) else noise * float(shares.mean())
        between = math.sqrt(max(0.0, float(d.var(ddof=1)) - known))
        largest = max(float(np.abs(values).max()) for values in (*first, *second))
        p = _mean_test(float(d.mean()), d, largest)[1]
    low, high = _interval(first, second, rng, resamples)
    return OverDraws(
        difference=float(d.mean()),
        low=low,
        high=high,
        p=p,
        draws=len(d),
        sd_draws=between,
        sd_seeds=math.sqrt(noise),
    )


def components(d: ArrayLike) -> Components:
    """Estimate the variance components of differences, every seed crossed with every draw.

    The random two-way layout with one value a cell, d[k, s] = mean + D[k] + S[s] + E[k, s]; mean
    squares are set equal to their expectations (Searle, Casella & McCulloch 1992, section 4.3).

    Parameters
    ----------
    d : array_like, shape (draws, seeds)
        Differences of two strategies, finite, two draws and two seeds at least.

    Returns
    -------
    Components

    Raises
    ------
    ValueError
        For another shape.

    Examples
    --------
    >>> components([[1.0, 1.0], [3.0, 3.0]])
    Components(draws=2.0, seeds=0.0, rest=0.0)
    """
    table = _table(d, least=2)
    k, s = table.shape
    rows, columns, mean = table.mean(axis=1), table.mean(axis=0), table.mean()
    left = table - rows[:, None] - columns + mean
    rest = float((left**2).sum() / ((k - 1) * (s - 1)))  # E[MS_rest] = σ²_E
    of_draws = s * rows.var(ddof=1)  # E[MS_draws] = σ²_E + s σ²_D
    of_seeds = k * columns.var(ddof=1)  # E[MS_seeds] = σ²_E + k σ²_S
    return Components(float((of_draws - rest) / s), float((of_seeds - rest) / k), rest)


def random_draws(d: ArrayLike) -> tuple[float, float]:
    """Test that the mean difference is 0 for draws like these: t over the draws' means.

    Parameters
    ----------
    d : array_like, shape (draws, seeds)
        Differences of two strategies, finite, two draws at least.

    Returns
    -------
    error : float
        Standard error of the mean difference, in its unit.
    p : float
        Two-sided, in [0, 1]; 1 where nothing differs.

    Raises
    ------
    ValueError
        For another shape.

    Examples
    --------
    >>> error, p = random_draws([[1.0, 3.0], [2.0, 2.0], [5.0, 1.0]])
    >>> round(error, 3), round(p, 3)
    (0.333, 0.02)
    """
    table = _table(d)
    return _mean_test(float(table.mean()), table.mean(axis=1), float(np.abs(table).max()))


def fixed_draws(d: ArrayLike) -> tuple[float, float]:
    """Test the same for these very draws: only runs within a draw are random.

    Parameters
    ----------
    d : array_like, shape (draws, seeds)
        Differences of two strategies, finite, two seeds at least.

    Returns
    -------
    error, p : float
        As `random_draws` has them; t with draws · (seeds − 1) degrees of freedom.

    Raises
    ------
    ValueError
        For another shape.

    Examples
    --------
    >>> error, p = fixed_draws([[1.0, 3.0], [2.0, 2.0], [5.0, 1.0]])
    >>> round(error, 3), round(p, 3)
    (0.745, 0.052)
    """
    table = _table(d)
    k, s = table.shape
    within = float(table.var(axis=1, ddof=1).mean())
    error = math.sqrt(within / (k * s))
    return _t_test(float(table.mean()), error, k * (s - 1), float(np.abs(table).max()))


def one_draw(d: ArrayLike) -> tuple[float, float]:
    """Test the same on one draw: what a study on a single item set computes.

    Parameters
    ----------
    d : array_like, shape (seeds,)
        Differences of two strategies, finite, two seeds at least.

    Returns
    -------
    error, p : float
        As `random_draws` has them; t with seeds − 1 degrees of freedom.

    Examples
    --------
    >>> error, p = one_draw([1.0, 2.0, 3.0])
    >>> round(error, 3), round(p, 3)
    (0.577, 0.074)
    """
    values = np.asarray(d, dtype=float)
    return _mean_test(float(values.mean()), values, float(np.abs(values).max()))


def _table(d: ArrayLike, least: int = 1) -> Values:
    table = np.asarray(d, dtype=float)
    if table.ndim != 2 or min(table.shape) < least:
        raise ValueError(
            f"differences of shape {table.shape}, wanted (draws, seeds), {least} of each at least"
        )
    return table


def _checked(draws: Sequence[ArrayLike]) -> list[Values]:
    vectors = [np.asarray(values, dtype=float) for values in draws]
    if not vectors or any(v.ndim != 1 or not v.size or not np.isfinite(v).all() for v in vectors):
        raise ValueError("draws must be one vector of finite values or more, none of them empty")
    return vectors


def _within(cells: Sequence[Values]) -> float:
    """Variance over seeds, pooled; NaN where every cell has one seed."""
    freedom = sum(len(v) - 1 for v in cells)
    squares = sum(float(((v - v.mean()) ** 2).sum()) for v in cells)
    return squares / freedom if freedom else math.nan


def _mean_test(mean: float, values: Values, largest: float) -> tuple[float, float]:
    """Student's one-sample t test of `values` (n,), whose mean is `mean`: standard error and p."""
    error = float(values.std(ddof=1)) / math.sqrt(len(values))
    return _t_test(mean, error, len(values) - 1, largest)


def _t_test(mean: float, error: float, freedom: int, largest: float) -> tuple[float, float]:
    """Compute standard error and two-sided p of mean / error under t; `largest` is the largest value."""
    # Means of equal values differ by rounding where their numbers do: 3 · 0.1 / 3 > 2 · 0.1 / 2.
    if error <= ROUNDING * largest:
        return 0.0, float(abs(mean) <= ROUNDING * largest)
    return error, float(2 * scipy_stats.t.sf(abs(mean) / error, freedom))


def _interval(
    a: Sequence[Values], b: Sequence[Values], rng: np.random.Generator | None, resamples: int
) -> tuple[float, float]:
    if len(a) < FEWEST_SEEDS:
        return math.nan, math.nan
    rng = np.random.default_rng(0) if rng is None else rng
    # A draw that comes up several times gets new seeds each time: as many columns as draws.
    times = rng.multinomial(len(a), np.full(len(a), 1 / len(a)), size=resamples)
    total = np.zeros(resamples)
    for i, (x, y) in enumerate(zip(a, b, strict=True)):
        for again in range(int(times[:, i].max())):
            rows = np.flatnonzero(times[:, i] > again)
            total[rows] += x[rng.integers(len(x), size=(len(rows), len(x)))].mean(axis=1)
            total[rows] -= y[rng.integers(len(y), size=(len(rows), len(y)))].mean(axis=1)
    low, high = np.quantile(total / len(a), [0.025, 0.975])
    return float(low), float(high)
