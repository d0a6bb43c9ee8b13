"""Equivalence: that two strategies differ by no more than a margin can be concluded, not assumed.

Two one-sided tests (Schuirmann 1987, "A comparison of the two one-sided tests procedure and the power
approach for assessing the equivalence of average bioavailability"): the difference is inside
(−margin, margin) when both "−margin or less" and "margin or more" are rejected, each at level α. As
both must be, nothing is corrected: one of the two is true where the strategies are not equivalent, and
it is rejected with a probability of α at most (Berger & Hsu 1996). Each is the exact one-sided
sign-flip test of the differences shifted by the margin, which asks that they be symmetric about
their centre, as differences of paired runs are when the strategies differ by a shift.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from numpy.typing import ArrayLike

from suite.errors import BadInput
from suite.statistics.betting import greater_e_value
from suite.statistics.sign_flip import checked, sign_flip


@dataclass(frozen=True)
class Equivalence:
    """p values of the two one-sided tests of a margin, each in (0, 1].

    Attributes
    ----------
    p_lower : float
        Against "the difference is −margin or less".
    p_upper : float
        Against "the difference is margin or more".
    """

    p_lower: float
    p_upper: float

    @property
    def p(self) -> float:
        """The p of "not equivalent": the larger of the two (Berger & Hsu 1996, theorem 1)."""
        return max(self.p_lower, self.p_upper)


def equivalence(differences: ArrayLike, margin: float) -> Equivalence:
    """Test by two one-sided sign-flip tests that the mean difference lies within ± `margin`.

    Parameters
    ----------
    differences : array_like, shape (n,)
        Finite; with n below −log₂(α) no p can be below α.
    margin : float
        Above 0, on the scale of the differences; stated before they are seen.

    Returns
    -------
    Equivalence
        Both p are 1 for no differences.

    Raises
    ------
    BadInput
        When `margin` is not above 0 and finite, or `differences` not one row of finite numbers.

    Examples
    --------
    >>> equivalence([0.1, -0.2, 0.0, 0.1, -0.1, 0.2], margin=1.0)
    Equivalence(p_lower=0.015625, p_upper=0.015625)
    """
    d = checked(differences)
    check_margin(margin)
    return Equivalence(sign_flip(d + margin, "greater"), sign_flip(margin - d, "greater"))


def equivalence_e_values(differences: ArrayLike, margin: float) -> tuple[float, float]:
    """Run the same two tests for any number of looks: equivalent when both are 1/α or more.

    Parameters
    ----------
    differences : array_like, shape (n,)
        Finite, in the order in which they were made.
    margin : float
        Above 0, on the scale of the differences.

    Returns
    -------
    lower, upper : float
        `suite.statistics.betting.greater_e_value` of the shifted differences, against "−margin or less"
        and "margin or more"; 1 or more.

    Raises
    ------
    BadInput
        When `margin` is not above 0 and finite, or `differences` not one row of finite numbers.

    Examples
    --------
    >>> lower, upper = equivalence_e_values([0.0] * 10, margin=1.0)
    >>> lower == upper, lower > 1 / 0.05
    (True, True)
    """
    d = checked(differences)
    check_margin(margin)
    return greater_e_value(d + margin), greater_e_value(margin - d)


def check_margin(margin: float) -> None:
    """Refuse a `margin` that bounds nothing.

    Parameters
    ----------
    margin : float

    Raises
    ------
    BadInput
        Unless `margin` is above 0 and finite.
    """
    if not (math.isfinite(margin) and margin > 0):
        raise BadInput(f"margin={margin:g}: must be above 0")
