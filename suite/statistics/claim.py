"""A claim that one strategy beats another on a task: what it takes to test it, and what it comes to.

Runs are paired by seed, since a seed fixes items, masks and initial design of every strategy. The
number of seeds follows from a stated effect before any result is looked at: adding seeds until a
test gives in would find a difference everywhere.

A claim may be asked again all the same, because its α is shared out beforehand. The first look has
`FIRST` of it, for the fixed number of seeds that was planned: an exact sign-flip test. The rest is
for all further looks together: a betting test of all seeds so far, which holds at every number of
them (`suite.statistics.betting`). One of the two errs with a probability of α at most, by the union
bound, whenever and however often it is asked.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats as scipy_stats

from suite.errors import BadInput
from suite.statistics import betting
from suite.statistics.equivalence import check_margin, equivalence, equivalence_e_values
from suite.statistics.sign_flip import Values, paired_differences, shift_interval, sign_flip

FIRST = 0.8  # share of α for the first look; the rest is for all further ones
MOST_SEEDS = 1000
FORM = re.compile(r"\s*(?P<better>[\w.-]+)\s*>\s*(?P<other>[\w.-]+)\s+on\s+(?P<task>[\w.-]+)\s*")

Verdict = Literal["supported", "refuted", "equivalent", "undecided"]
TURNED: dict[str, Verdict] = {
    "supported": "refuted",
    "refuted": "supported",
    "equivalent": "equivalent",
    "undecided": "undecided",
}


@dataclass(frozen=True)
class Claim:
    """A statement to test: `better` beats `other` on `task`.

    Attributes
    ----------
    better, other : str
        Names of two optimizers.
    task : str
        Name of the task.
    """

    better: str
    other: str
    task: str

    @classmethod
    def parse(cls, text: str) -> Claim:
        """Read a claim as people write it.

        Parameters
        ----------
        text : str
            Of the form ``nsga2 > random on ja_math_micro``.

        Returns
        -------
        Claim

        Raises
        ------
        BadInput
            For another form, and for a strategy that is compared with itself.

        Examples
        --------
        >>> Claim.parse("nsga2 > random on ja_math_micro")
        Claim(better='nsga2', other='random', task='ja_math_micro')
        """
        match = FORM.fullmatch(text)
        if not match:
            raise BadInput(f"claim {text!r}: write it as 'nsga2 > random on ja_math_micro'")
        claim = cls(**match.groupdict())
        if claim.better == claim.other:
            raise BadInput(f"claim {text!r}: compares {claim.better} with itself")
        return claim

    def __str__(self) -> str:
        """Write the claim so that `parse` reads it."""
        return f"{self.better} > {self.other} on {self.task}"


@dataclass(frozen=True)
class Answer:
    """What the seeds say of a claim; differences are of the unit of the values.

    Attributes
    ----------
    verdict : Verdict
        supported, refuted, equivalent or undecided; a difference that is resolved goes before an
        equivalence that is.
    seeds : int
        Number of pairs, all looks together, 1 or more.
    difference : float
        Mean of better − other over seeds.
    low, high : float
        Interval of the difference at `confidence`: the shifts that no look's test rejects.
    confidence : float
        1 − what was spent, in (0, 1).
    p : float
        Two-sided p of the first look's sign-flip test, in (0, 1].
    e : float or None
        Largest wealth of the betting test over all seeds, 1 or more; None at the first look.
    within_margin : bool or None
        Whether a difference of the margin or more is rejected; None without a margin.
    spent : float
        The part of α that this look and those before it used up.
    improvement : float
        Share of all pairs of runs that better wins, ties half, in [0, 1].
    deviation : float
        Standard deviation of a strategy's values over seeds, pooled; 0 for one seed.
    """

    verdict: Verdict
    seeds: int
    difference: float
    low: float
    high: float
    confidence: float
    p: float
    e: float | None
    within_margin: bool | None
    spent: float
    improvement: float
    deviation: float


@dataclass(frozen=True)
class Decision:
    """The tests of a claim without its intervals.

    Attributes
    ----------
    verdict : Verdict
    p : float
    e : float or None
    within_margin : bool or None
        All as in `Answer`.
    """

    verdict: Verdict
    p: float
    e: float | None
    within_margin: bool | None


def fewest_seeds(alpha: float = 0.05) -> int:
    """Count the seeds with which the first look can give a p below its share of `alpha` at all.

    The least p of a sign-flip test of n pairs is 2 / 2ⁿ.

    Parameters
    ----------
    alpha : float
        Of the whole claim, in (0, 1).

    Returns
    -------
    int

    Raises
    ------
    BadInput
        For an alpha outside its range.

    Examples
    --------
    >>> fewest_seeds(0.05)  # 2 / 2⁶ = 0.031 < 0.8 · 0.05 < 2 / 2⁵
    6
    """
    check_alpha(alpha)
    return math.floor(1 - math.log2(FIRST * alpha)) + 1


def seeds_needed(effect: float, power: float = 0.8, alpha: float = 0.05) -> int:
    """Count the seeds for finding at the first look that one strategy is `effect` deviations better.

    By the power of the paired t test at the first look's share of α (noncentral t; Cohen 1988,
    "Statistical Power Analysis", chapter 2), close to that of the sign-flip test used here, for
    strategies whose values are independent given the task: the least favourable pairing that is
    likely. At least `fewest_seeds`.

    Parameters
    ----------
    effect : float
        Difference of the means, in standard deviations of one strategy over seeds, above 0.
    power : float
        Wanted probability of finding it, in (alpha, 1).
    alpha : float
        Of the whole claim, in (0, 1).

    Returns
    -------
    int
        The seeds of each strategy.

    Raises
    ------
    BadInput
        For values outside those ranges, and an effect too small for `MOST_SEEDS`.

    Examples
    --------
    >>> seeds_needed(1.0), seeds_needed(0.5)
    (19, 70)
    """
    if not (0 < effect < math.inf and 0 < alpha < power < 1):
        raise BadInput(
            f"effect={effect:g}, power={power:g}, alpha={alpha:g}: effect must be positive, and"
            " alpha < power, both between 0 and 1"
        )
    for n in range(max(fewest_seeds(alpha), 2), MOST_SEEDS + 1):
        critical = scipy_stats.t.ppf(1 - FIRST * alpha / 2, n - 1)
        if scipy_stats.nct.sf(critical, n - 1, effect * math.sqrt(n / 2)) >= power:
            return n
    raise BadInput(f"effect={effect:g}: too small to be found with {MOST_SEEDS} seeds")


def answer(
    better: ArrayLike,
    other: ArrayLike,
    first: int | None = None,
    alpha: float = 0.05,
    margin: float | None = None,
) -> Answer:
    """Weigh values paired by seed, larger is better, in the order in which their seeds were registered.

    Parameters
    ----------
    better, other : array_like, shape (n,)
        Finite, n of 1 or more.
    first : int, optional
        How many of the pairs the first look had, from 1 to n; left out: all, this is the first look.
    alpha : float
        Of the whole claim, in (0, 1).
    margin : float, optional
        Above 0, on the scale of the values; left out: equivalence is not asked about.

    Returns
    -------
    Answer

    Raises
    ------
    BadInput
        For values that are not paired and finite, and an alpha, margin or first outside its range.

    Examples
    --------
    >>> answered = answer([3, 4, 5, 6, 7, 8, 9], [2, 2, 2, 2, 2, 2, 2])
    >>> answered.verdict, answered.p
    ('supported', 0.015625)
    """
    a, b = np.asarray(better, dtype=float), np.asarray(other, dtype=float)
    d = paired_differences(a, b)
    decided = decide(d, first, alpha, margin)
    further = decided.e is not None
    spent = alpha if further else FIRST * alpha
    low, high = _interval(d, first, alpha)
    wins = (a[:, None] > b).mean() + 0.5 * (a[:, None] == b).mean()
    both = np.array([a, b])
    return Answer(
        verdict=decided.verdict,
        seeds=d.size,
        difference=float(d.mean()),
        low=low,
        high=high,
        confidence=1 - spent,
        p=decided.p,
        e=decided.e,
        within_margin=decided.within_margin,
        spent=spent,
        improvement=float(wins),
        deviation=float(np.sqrt(both.var(axis=1, ddof=1).mean())) if d.size > 1 else 0.0,
    )


def decide(
    differences: ArrayLike,
    first: int | None = None,
    alpha: float = 0.05,
    margin: float | None = None,
) -> Decision:
    """Run the tests of `answer` on the differences alone.

    Parameters
    ----------
    differences : array_like, shape (n,)
        Finite, n of 1 or more, in the order of registration.
    first, alpha, margin
        As for `answer`.

    Returns
    -------
    Decision

    Raises
    ------
    BadInput
        For differences that are not finite, and an alpha, margin or first outside its range.

    Examples
    --------
    >>> decide([1.0] * 7).verdict, decide([0.0] * 7).verdict
    ('supported', 'undecided')
    """
    d = np.asarray(differences, dtype=float)
    check_alpha(alpha)
    if first is not None and not 1 <= first <= d.size:
        raise BadInput(f"first={first}: must lie between 1 and the {d.size} pairs")
    at_first = d[:first]
    p = sign_flip(at_first)
    e = None if first is None else betting.e_value(d)
    bar = 1 / ((1 - FIRST) * alpha)
    verdict: Verdict = "undecided"
    if p < FIRST * alpha:
        verdict = "supported" if at_first.sum() > 0 else "refuted"
    elif e is not None and e >= bar:
        up, down = betting.greater_e_value(d), betting.greater_e_value(-d)
        verdict = "supported" if up > down else "refuted"
    within = None if margin is None else _within(d, at_first, first is not None, alpha, margin)
    if verdict == "undecided" and within:
        verdict = "equivalent"
    return Decision(verdict, p, e, within)


def check_alpha(alpha: float) -> None:
    """Refuse an `alpha` that is no level.

    Parameters
    ----------
    alpha : float

    Raises
    ------
    BadInput
        Unless `alpha` lies inside (0, 1).
    """
    if not 0 < alpha < 1:
        raise BadInput(f"alpha={alpha:g}: must lie between 0 and 1")


def _within(d: Values, at_first: Values, further: bool, alpha: float, margin: float) -> bool:
    """Whether both sides of the margin are rejected, each by the first look or by the further ones."""
    check_margin(margin)
    tests = equivalence(at_first, margin)
    rejected = [p < FIRST * alpha for p in (tests.p_lower, tests.p_upper)]
    if further:
        bar = 1 / ((1 - FIRST) * alpha)
        values = equivalence_e_values(d, margin)
        rejected = [was or e >= bar for was, e in zip(rejected, values, strict=True)]
    return all(rejected)


def _interval(d: Values, first: int | None, alpha: float) -> tuple[float, float]:
    """Bound the shifts that neither the first look's test nor that of further looks rejects."""
    at_first = d[:first]
    low, high = shift_interval(at_first, np.zeros_like(at_first), FIRST * alpha)
    if first is None:
        return low, high
    below, above = betting.interval(d, (1 - FIRST) * alpha)
    if max(low, below) > min(high, above):  # they exclude each other: seeds drifted; keep both
        return min(low, below), max(high, above)
    return max(low, below), min(high, above)
