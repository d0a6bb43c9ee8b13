"""A claim that one strategy beats another on a task: what it takes to test it, and what it comes to.

Runs are paired by seed, since a seed fixes items, masks and initial design of every strategy. The
number of seeds follows from a stated effect before any result is looked at: adding seeds until a
test gives in would find a difference everywhere.
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
from suite.statistics import bootstrap, rank_sum, seeds

MOST_SEEDS = 1000
FORM = re.compile(r"\s*(?P<better>[\w.-]+)\s*>\s*(?P<other>[\w.-]+)\s+on\s+(?P<task>[\w.-]+)\s*")

Verdict = Literal["supported", "refuted", "undecided"]


@dataclass(frozen=True)
class Claim:
    """`better` beats `other`, both optimizers, on `task`."""

    better: str
    other: str
    task: str

    @classmethod
    def parse(cls, text: str) -> Claim:
        """Of the form ``nsga2 > random on ja_math_micro``; `BadInput` otherwise."""
        found = FORM.fullmatch(text)
        if not found:
            raise BadInput(f"claim {text!r}: write it as 'nsga2 > random on ja_math_micro'")
        claim = cls(**found.groupdict())
        if claim.better == claim.other:
            raise BadInput(f"claim {text!r}: compares {claim.better} with itself")
        return claim

    def __str__(self) -> str:
        return f"{self.better} > {self.other} on {self.task}"


@dataclass(frozen=True)
class Answer:
    """What the seeds say of a claim.

    `difference` is the mean of better − other over seeds, [`low`, `high`] the shifts that the test
    does not reject, `p` its two-sided p value, `improvement` the share of pairs that better wins
    (ties half), `deviation` the standard deviation of a strategy's values over seeds, pooled.
    """

    verdict: Verdict
    seeds: int
    difference: float
    low: float
    high: float
    p: float
    improvement: float
    deviation: float


def fewest_seeds(alpha: float = 0.05) -> int:
    """Seeds with which the sign-flip test can give a p below `alpha` at all: 2 / 2ⁿ < alpha."""
    if not 0 < alpha < 1:
        raise BadInput(f"alpha={alpha}: must lie between 0 and 1")
    return math.floor(1 - math.log2(alpha)) + 1


def seeds_needed(effect: float, power: float = 0.8, alpha: float = 0.05) -> int:
    """Seeds for finding, with `power`, that one strategy is `effect` standard deviations better.

    By the power of the paired t test (noncentral t), close to that of the sign-flip test used here,
    for strategies whose values are independent given the task: the least favourable pairing that is
    likely. At least `fewest_seeds`.
    """
    if not (0 < effect < math.inf and 0 < alpha < power < 1):
        raise BadInput(
            f"effect={effect}, power={power}, alpha={alpha}: effect must be positive, and"
            " alpha < power, both between 0 and 1"
        )
    for n in range(max(fewest_seeds(alpha), 2), MOST_SEEDS + 1):
        critical = scipy_stats.t.ppf(1 - alpha / 2, n - 1)
        if scipy_stats.nct.sf(critical, n - 1, effect * math.sqrt(n / 2)) >= power:
            return n
    raise BadInput(f"effect={effect}: too small to be found with {MOST_SEEDS} seeds")


def answer(better: ArrayLike, other: ArrayLike, alpha: float = 0.05) -> Answer:
    """Weigh values paired by seed, both (n,) with n of `fewest_seeds` or more, larger is better.

    Supported or refuted when the sign-flip permutation test of the mean difference gives p below
    `alpha`, in that direction; undecided otherwise.
    """
    a, b = np.asarray(better, dtype=float), np.asarray(other, dtype=float)
    difference, p = float((a - b).mean()), seeds.paired_seeds(a, b)
    verdict: Verdict = "undecided"
    if p < alpha:
        verdict = "supported" if difference > 0 else "refuted"
    low, high = (_edge(a, b, side, alpha) for side in (-1, 1))
    return Answer(
        verdict,
        len(a),
        difference,
        low,
        high,
        p,
        rank_sum.probability_of_improvement(a, b),
        math.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2),
    )


def _edge(a: bootstrap.Values, b: bootstrap.Values, side: int, alpha: float) -> float:
    """The outermost shift, on this side of the mean difference, at which the test keeps a p of alpha."""
    middle, reach = float((a - b).mean()), float(np.abs(a - b - (a - b).mean()).max())
    inside, outside = middle, middle + side * max(8 * reach, 1e-12)
    while abs(outside - inside) > 1e-4 * reach + 1e-12:
        shift = (inside + outside) / 2
        kept = seeds.paired_seeds(a - shift, b) >= alpha
        inside, outside = (shift, outside) if kept else (inside, shift)
    return inside
