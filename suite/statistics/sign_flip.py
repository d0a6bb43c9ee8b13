"""Sign-flip permutation test of paired differences, exact for seeds, without any random generator.

Under the null hypothesis a difference is as likely as its mirror image, so that all 2ⁿ choices of
signs are equally likely (Fisher 1935, "The Design of Experiments", §21). Up to `EXACT` pairs they are
all counted, by meeting in the middle (Pagano & Tritchler 1983 count them by dynamic programming, as
is done here for more pairs): the sums of one half's signs are sorted, and for each sum of the other
half a binary search says how many reach the observed sum with it.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize
from scipy.stats import norm

from suite.errors import BadInput

Values = NDArray[np.float64]
Alternative = Literal["two-sided", "greater"]

EXACT = 40  # pairs: two halves of 2²⁰ sums take 0.2 s
MANY = 200  # pairs: of more, such as items, the tail is approximated
CELLS = 1 << 20  # of the grid on which the sums of more pairs are counted
TIE = 1e-9  # of the sum of all sizes: sums closer than this are taken as equal


def sign_flip(differences: ArrayLike, alternative: Alternative = "two-sided") -> float:
    """Compute p of the sign-flip permutation test that the mean of paired differences is 0.

    Up to 40 differences that are not 0 it is exact. A difference of 0 is dropped: flipping it
    changes no sum, so that p is the same with it. Sums that differ by less than 1e-9 of the sum of
    all sizes count as ties, since rounding alone makes equal sums differ; ties count as reached.

    For more pairs sizes are rounded to a grid of 2²⁰ cells and the sums on it are counted by
    dynamic programming. A sum is off by n/2 cells at most, and p is counted for an observed sum
    smaller by as much: p is never too small. It is too large by at most the probability of the
    sums within n cells of the observed one: near p = 0.05 of normal differences that is 1e-4 for
    60 pairs and 5e-4 for 200.

    Beyond 200 pairs, which are items and not seeds, the tail is the saddlepoint approximation of
    Lugannani & Rice (1980, "Saddle point approximation for the distribution of the sum of independent
    random variables") to the same distribution, as Robinson (1982, J. R. Stat. Soc. B 44, 91-101) uses
    it for permutation tests. At 30 to 38 pairs, where all sums can be counted, it is within 1.5 % of a
    p above 1e-6.

    Parameters
    ----------
    differences : array_like, shape (n,)
        Finite, on any scale; n of 0 or more.
    alternative : {"two-sided", "greater"}
        "greater": the mean is above 0.

    Returns
    -------
    float
        In (0, 1]; twice the tail of the side that was observed, at most 1. 1 for "two-sided" where fewer
        than two differences are not 0.

    Raises
    ------
    BadInput
        When `differences` is not one row of finite numbers.

    Examples
    --------
    >>> sign_flip([1.0, 2.0, 3.0, 4.0])  # the largest of 16 sums, and its mirror image
    0.125
    >>> sign_flip([1.0, 2.0, 3.0, 4.0], "greater")
    0.0625
    >>> sign_flip([0.0, 0.0])
    1.0
    """
    d = checked(differences)
    d = d[d != 0]
    if d.size == 0:
        return 1.0
    # By a power of two, which changes no digit: squares and sums then stay inside float64.
    d = np.ldexp(d, -int(np.frexp(np.abs(d).max())[1]))
    total, size = float(d.sum()), float(np.abs(d).sum())
    if alternative == "greater":
        return _tail(np.abs(d), total)
    if d.size == 1 or abs(total) <= TIE * size:
        return 1.0
    return min(1.0, 2 * _tail(np.abs(d), abs(total)))


def shift_interval(a: ArrayLike, b: ArrayLike, alpha: float = 0.05) -> tuple[float, float]:
    """Find the shifts t at which the two-sided test of a − b − t keeps a p of `alpha` or more.

    A 1 − `alpha` interval of the difference, the one of Hartigan (1969, "Using subsample values as
    typical values") where p is exact: p falls on both sides of the mean, so that the ends are found by
    bisection, to 1e-4 of the largest deviation from the mean.

    Parameters
    ----------
    a, b : array_like, shape (n,)
        Finite, paired, one or more; with n of 1 − log₂(alpha) or more the interval is bounded.
    alpha : float
        In (0, 1).

    Returns
    -------
    low, high : float
        low ≤ mean(a − b) ≤ high; infinite where the pairs are too few for any p below `alpha`.

    Raises
    ------
    BadInput
        When a and b are not of one length, empty or not finite.

    Examples
    --------
    >>> low, high = shift_interval([1, 2, 3, 4, 5, 6], [0, 0, 0, 0, 0, 0], 0.05)
    >>> round(low, 2), round(high, 2)  # 2 of 64 sums: the smallest and the largest value
    (1.0, 6.0)
    """
    d = paired_differences(a, b)
    if 2.0 ** (1 - d.size) >= alpha:
        return -np.inf, np.inf
    middle = float(d.mean())
    reach = float(np.abs(d - middle).max())

    def edge(side: int) -> float:
        # Beyond the largest difference all signs are one, and p is the smallest there is.
        inside, outside = middle, middle + side * (1.001 * reach + 1e-12)
        while abs(outside - inside) > 1e-4 * reach + 1e-12:
            shift = (inside + outside) / 2
            kept = sign_flip(d - shift) >= alpha
            inside, outside = (shift, outside) if kept else (inside, shift)
        return inside

    return edge(-1), edge(1)


def paired_differences(a: ArrayLike, b: ArrayLike) -> Values:
    """Subtract paired values.

    Parameters
    ----------
    a, b : array_like, shape (n,)
        Finite, one or more.

    Returns
    -------
    ndarray, shape (n,)
        a − b.

    Raises
    ------
    BadInput
        When they are not of one length, empty or not finite.

    Examples
    --------
    >>> paired_differences([3, 4], [1, 1]).tolist()
    [2.0, 3.0]
    """
    first, second = checked(a), checked(b)
    if first.shape != second.shape or not first.size:
        raise BadInput(
            f"paired differences: {first.size} values and {second.size}; both must have the same"
            " number, one or more"
        )
    return first - second


def checked(values: ArrayLike) -> Values:
    """Take values as floats, one row of them.

    Parameters
    ----------
    values : array_like, shape (n,)

    Returns
    -------
    ndarray, shape (n,)

    Raises
    ------
    BadInput
        When they are not one row of finite numbers.

    Examples
    --------
    >>> checked([1, 2]).tolist()
    [1.0, 2.0]
    """
    row = np.asarray(values, dtype=float)
    if row.ndim != 1 or not np.isfinite(row).all():
        raise BadInput(f"paired differences of shape {row.shape}: must be one row, all finite")
    return row


def _tail(sizes: Values, total: float) -> float:
    """Probability that randomly signed `sizes` (n,), all above 0, sum to `total` or more."""
    if sizes.size > MANY:
        return _saddlepoint(sizes, total)
    return _counted(sizes, total) if sizes.size <= EXACT else _on_grid(sizes, total)


def _saddlepoint(sizes: Values, total: float) -> float:
    """Approximate `_tail` by Lugannani & Rice (1980).

    K(t) = Σ log cosh(t·size) is the cumulant function of the sum.
    """
    least = max(
        0.5**sizes.size, np.finfo(float).tiny
    )  # of one sum among all; above 1022 pairs it is 0
    if total >= sizes.sum() * (1 - TIE):
        return float(least)
    scaled = sizes / np.sqrt((sizes**2).sum())
    x = float(total / np.sqrt((sizes**2).sum()))
    if abs(x) < 1e-6:
        return 0.5

    def slope(t: float) -> float:
        return float((scaled * np.tanh(t * scaled)).sum() - x)

    reach = 1.0
    while slope(np.sign(x) * reach) * np.sign(x) < 0:
        reach *= 2
    t = float(optimize.brentq(slope, *sorted((0.0, np.sign(x) * reach)), xtol=1e-12))
    # log cosh, without overflow
    cumulant = float((np.logaddexp(t * scaled, -t * scaled) - np.log(2)).sum())
    w = np.sign(t) * np.sqrt(2 * (t * x - cumulant))
    u = t * np.sqrt((scaled**2 / np.cosh(np.minimum(np.abs(t * scaled), 300)) ** 2).sum())
    # Their equation (12), w and u as there.
    return float(np.clip(norm.sf(w) + norm.pdf(w) * (1 / u - 1 / w), least, 1.0))


def _counted(sizes: Values, total: float) -> float:
    half = sizes.size // 2
    first, second = _sums(sizes[:half]), _sums(sizes[half:])
    wanted = total - TIE * sizes.sum() - second[::-1]  # ascending, which keeps the search fast
    reached = first.size - np.searchsorted(first, wanted, side="left")
    return float(reached.sum(dtype=np.int64) / 2.0**sizes.size)


def _sums(sizes: Values) -> Values:
    """All sums of signed `sizes`, ascending, (2ⁿ,)."""
    sums = np.zeros(1)
    for size in sizes:
        sums = np.concatenate([sums - size, sums + size])
    return np.sort(sums)


def _on_grid(sizes: Values, total: float) -> float:
    """`_tail` with sizes rounded to cells of sum / `CELLS`, counted for the smallest true sum.

    A sum is 2 · (the positive part) − (the sum of all), and it is the positive part that is spread
    over the cells, so that no rounded sum is off by more than n/2 cells of 2 · sum / `CELLS`.
    """
    cell = sizes.sum() / CELLS
    steps = np.rint(sizes / cell).astype(int)
    chances = np.zeros(steps.sum() + 1)
    chances[0] = 1.0
    reach = 0
    for step in np.sort(steps):
        chances[: reach + step + 1] *= 0.5
        # A copy: the part that is read overlaps the one that is written.
        chances[step : reach + step + 1] += chances[: reach + 1].copy()
        reach += int(step)
    positive = (total * (1 - TIE) + sizes.sum()) / 2 / cell - sizes.size / 2
    return float(min(1.0, chances[max(0, int(np.floor(positive))) :].sum()))
