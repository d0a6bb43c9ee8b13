"""Draws of items as a random factor: a difference of strategies over draws, and seeds within draws.

One set of items is one replicate, however many seeds ran on it: what it favours, it favours in every
seed. A statement about items that were not drawn needs several draws, and its error is that between
them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats as scipy_stats

from suite.statistics.bootstrap import FEWEST_SEEDS, RESAMPLES

Values = NDArray[np.float64]


@dataclass(frozen=True)
class OverDraws:
    """A difference of two strategies over draws of items.

    `sd_draws` is how far the difference itself varies from draw to draw (strategy × draw), `sd_seeds`
    how far a run's value varies over seeds on one draw. `low` and `high` bound the difference (95 %,
    hierarchical bootstrap; NaN under 5 draws); `p` is that of t with `draws` − 1 degrees of freedom,
    NaN for one draw.
    """

    difference: float
    low: float
    high: float
    p: float
    draws: int
    sd_draws: float
    sd_seeds: float

    @property
    def words(self) -> str:
        """What the figure generalises over."""
        if self.draws == 1:
            return "over seeds; one draw of items, so that nothing is generalised over draws"
        return f"over seeds and {self.draws} draws of items"


def difference(
    a: Sequence[ArrayLike],
    b: Sequence[ArrayLike],
    rng: np.random.Generator | None = None,
    resamples: int = RESAMPLES,
) -> OverDraws:
    """Mean over draws of a's mean over seeds minus b's, with its error over draws and seeds.

    Variance components are ANOVA estimators of d_i = δ + u_i + e_i, Var(e_i) = σ² (1/n_i + 1/k_i): σ²
    is pooled within strategies and draws, Var(u) is the variance of the d_i beyond what σ² explains, 0
    where that is negative (Searle, Casella and McCulloch 1992, ch. 4). The bootstrap draws draws, and
    within each of them seeds of either strategy (Davison and Hinkley 1997, sec. 3.8).

    Parameters
    ----------
    a, b : sequences of D arrays, shapes (n_i,) and (k_i,)
        One vector of seeds' values per draw or task instance, in the same order of draws; sizes may
        differ. Larger is better.
    rng : numpy.random.Generator, optional
        Left out, one with a fixed seed.

    Raises
    ------
    ValueError
        For unequal numbers of draws, none, or an empty or not finite vector.

    Examples
    --------
    >>> found = difference([[3.0, 5.0], [2.0, 4.0]], [[1.0, 3.0], [1.0, 3.0]])
    >>> found.difference, found.draws
    (1.5, 2)
    """
    first, second = _checked(a), _checked(b)
    if len(first) != len(second):
        raise ValueError(f"{len(first)} draws against {len(second)}; wanted the same ones")
    d = np.array([x.mean() - y.mean() for x, y in zip(first, second, strict=True)])
    noise = _within([*first, *second])
    shares = np.array([1 / len(x) + 1 / len(y) for x, y in zip(first, second, strict=True)])
    between = math.nan
    if len(d) > 1:
        known = 0.0 if math.isnan(noise) else noise * float(shares.mean())
        between = math.sqrt(max(0.0, float(d.var(ddof=1)) - known))
    low, high = _interval(first, second, rng, resamples)
    return OverDraws(
        difference=float(d.mean()),
        low=low,
        high=high,
        p=_t_test(d),
        draws=len(d),
        sd_draws=between,
        sd_seeds=math.sqrt(noise),
    )


def _checked(draws: Sequence[ArrayLike]) -> list[Values]:
    found = [np.asarray(values, dtype=float) for values in draws]
    if not found or any(v.ndim != 1 or not v.size or not np.isfinite(v).all() for v in found):
        raise ValueError("draws must be one vector of finite values or more, none of them empty")
    return found


def _within(cells: Sequence[Values]) -> float:
    """Variance over seeds, pooled; NaN where every cell has one seed."""
    freedom = sum(len(v) - 1 for v in cells)
    squares = sum(float(((v - v.mean()) ** 2).sum()) for v in cells)
    return squares / freedom if freedom else math.nan


def _t_test(d: Values) -> float:
    if len(d) < 2:
        return math.nan
    error = float(d.std(ddof=1)) / math.sqrt(len(d))
    if error == 0:
        return 1.0 if d.mean() == 0 else 0.0
    return float(2 * scipy_stats.t.sf(abs(float(d.mean())) / error, len(d) - 1))


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
