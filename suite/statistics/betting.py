"""A test of paired differences that may be looked at after every pair: betting against the null.

Under the null hypothesis a difference is as likely as its mirror image, whatever came before. A
gambler who stakes a share of the wealth on the sign of each difference then has an expected wealth
of 1 at every time, and by Ville's inequality the wealth ever reaches 1/α with a probability of α at
most (Ramdas, Grünwald, Vovk & Shafer 2023, "Game-theoretic statistics and safe anytime-valid
inference"; for means of bounded values Waudby-Smith & Ramdas 2024, "Estimating means of bounded
random variables by betting"). The wealth is an e-process: it is a test at every number of pairs at
once, and nobody needs to say beforehand when to stop.

The stake on pair i is λ·dᵢ/Mᵢ with Mᵢ = max(|d₁| … |dᵢ|), so that what is won or lost lies in [−λ, λ].
dᵢ/Mᵢ is dᵢ cut to the largest size so far: increasing in dᵢ and odd, hence of mean 0 where dᵢ is
symmetric about 0, and below it where dᵢ is symmetric about less. A bet on one side is therefore a
test of "0 or less" as well. The wealth is the mean over the `BETS` λ, which stands for not knowing
the best of them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from suite.errors import BadInput
from suite.statistics.sign_flip import Values, checked

BETS: Values = (np.arange(20) + 0.5) / 20  # λ, evenly in (0, 1)
LARGEST = 1e300  # an e-value is cut here, before it leaves what a float holds
STEPS = 400  # of the grid of shifts on which the interval is found


def wealth(differences: ArrayLike, sign: int = 1) -> Values:
    """Compute the wealth after each pair of betting that the mean is above 0 or below 0.

    Parameters
    ----------
    differences : array_like, shape (n,)
        Finite, in the order in which they were made, on any scale.
    sign : int
        1: the bet is on a mean above 0; −1: below.

    Returns
    -------
    ndarray, shape (n,)
        The e-process, 0 or more, from a wealth of 1 before the first pair, cut at 1e300: the mean over
        λ of ∏ (1 + λ dᵢ / Mᵢ) (Waudby-Smith & Ramdas 2024, section 4, with bets that are fixed).

    Raises
    ------
    BadInput
        When `differences` is not one row of finite numbers.

    Examples
    --------
    >>> wealth([1.0, 1.0]).round(3).tolist()  # the means of 1 + λ and (1 + λ)²
    [1.5, 2.333]
    >>> wealth([1.0, -1.0]).round(3).tolist()  # of 1 + λ and 1 − λ²
    [1.5, 0.667]
    """
    after_each: Values = np.exp(
        np.minimum(_log_wealth(sign * checked(differences)), np.log(LARGEST))
    )
    return after_each


def e_value(differences: ArrayLike) -> float:
    """Compute the two-sided e-value: the largest wealth so far when half is bet on each side.

    Rejecting "no difference" when it is 1/α or more errs with a probability of α at most, however
    often and at whichever numbers of pairs it is asked (Ville's inequality).

    Parameters
    ----------
    differences : array_like, shape (n,)
        Finite, in the order in which they were made.

    Returns
    -------
    float
        1 or more, cut at 1e300; 1 for no pairs, and where nothing differs.

    Raises
    ------
    BadInput
        When `differences` is not one row of finite numbers.

    Examples
    --------
    >>> round(e_value([1.0] * 10))
    93
    >>> round(e_value([0.0, 0.0]), 9)
    1.0
    """
    both = (wealth(differences) + wealth(differences, -1)) / 2
    return float(both.max(initial=1.0))


def greater_e_value(differences: ArrayLike) -> float:
    """Compute the one-sided e-value: the largest wealth so far of betting that the mean is above 0.

    As `e_value`, against "the differences are symmetric about 0 or about less".

    Parameters
    ----------
    differences : array_like, shape (n,)
        Finite, in the order in which they were made.

    Returns
    -------
    float
        1 or more, cut at 1e300; 1 for no pairs.

    Raises
    ------
    BadInput
        When `differences` is not one row of finite numbers.

    Examples
    --------
    >>> round(greater_e_value([1.0] * 10)), greater_e_value([-1.0] * 10)
    (186, 1.0)
    """
    return float(wealth(differences).max(initial=1.0))


def interval(differences: ArrayLike, alpha: float) -> tuple[float, float]:
    """Find the shifts t at which `e_value` of the differences minus t stays below 1/`alpha`.

    A confidence sequence: that it ever, after any number of pairs, lacks the centre of the
    differences has a probability of `alpha` at most. Shifts are tried on a grid from one range below
    the smallest difference to one above the largest; an end is rounded outwards to it.

    Parameters
    ----------
    differences : array_like, shape (n,)
        Finite, in the order in which they were made.
    alpha : float
        In (0, 1).

    Returns
    -------
    low, high : float
        In the unit of the differences; infinite where the pairs are too few to exclude anything on that
        side.

    Raises
    ------
    BadInput
        When `alpha` is not inside (0, 1), or `differences` not one row of finite numbers.

    Examples
    --------
    >>> low, high = interval([1.0, 2.0, 3.0] * 12, 0.05)
    >>> 1 < low < 2 < high < 3
    True
    """
    if not 0 < alpha < 1:
        raise BadInput(f"alpha={alpha}: must lie between 0 and 1")
    d = checked(differences)
    if not d.size:
        return -np.inf, np.inf
    spread = float(np.ptp(d)) or max(float(np.abs(d).max()), 1.0) * 1e-9
    shifts = np.linspace(d.min() - spread, d.max() + spread, STEPS + 1)
    both = np.logaddexp(*(_log_wealth(sign * (d - shifts[:, None])) for sign in (1, -1)))
    kept = both.max(axis=1) < np.log(2 / alpha)
    if not kept.any():  # no shift fits: the differences drifted; the hull of all tried is honest
        return float(shifts[0]), float(shifts[-1])
    first, last = int(np.argmax(kept)), STEPS - int(np.argmax(kept[::-1]))
    low = -np.inf if first == 0 else float(shifts[first - 1])
    high = np.inf if last == STEPS else float(shifts[last + 1])
    return low, high


def _log_wealth(d: Values) -> NDArray[np.float64]:
    """Logarithm of the mean over `BETS` of the products of 1 + λ·d/M, of each row of (…, n)."""
    largest = np.maximum.accumulate(np.abs(d), axis=-1)
    shares = np.divide(d, largest, out=np.zeros_like(d), where=largest > 0)
    logs: Values = np.full(d.shape, -np.inf)
    for bet in BETS:
        logs = np.logaddexp(logs, np.cumsum(np.log1p(bet * shares), axis=-1))
    logs -= np.log(len(BETS))
    return logs
