"""False positives and power of a claim that is asked again: the rule of `suite compare`, and the one before.

    python benchmarks/looks.py [--runs 2000] [--seeds 19] [--effect 1] [--looks 1 2 3 6 18] [--json]

A claim is looked at with ``--seeds`` pairs of runs, and again with as many more until it answers or
the looks are used up. Values are normal and independent, the stronger strategy's mean ``--effect``
standard deviations higher; without an effect every answer is false. Printed are the shares of
``--runs`` claims that are answered within so many looks, and the standard error of such a share, by

- ``before``: a sign-flip test of all pairs at each look, at 0.05 each time (what compare did);
- ``now``: 0.8 of 0.05 for an exact test at the first look, the rest for betting on all pairs.

The sign-flip test is exact for 20 pairs or fewer; for more, its normal approximation with the same
variance (the sum of squared differences) stands in, which 2000 times 18 tests can afford.
"""

from __future__ import annotations

import argparse
import json
import math

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from suite.statistics.claim import decide
from suite.statistics.sign_flip import sign_flip

ALPHA = 0.05
EXACT = 20
Values = NDArray[np.float64]


def before(differences: Values, seeds: int, looks: int) -> int:
    """The look at which testing all pairs at 0.05 each time answers; `looks` + 1 if none does."""
    for look in range(1, looks + 1):
        d = differences[: look * seeds]
        p = sign_flip(d) if d.size <= EXACT else _normal(d)
        if p < ALPHA:
            return look
    return looks + 1


def _normal(d: Values) -> float:
    """p of the sign-flip test by its normal approximation."""
    return 2 * float(norm.sf(abs(d.sum()) / math.sqrt(float(d @ d))))


def now(differences: Values, seeds: int, looks: int) -> int:
    """The look at which `suite.statistics.claim.decide` answers; `looks` + 1 if none does."""
    for look in range(1, looks + 1):
        first = None if look == 1 else seeds
        if decide(differences[: look * seeds], first, ALPHA).verdict != "undecided":
            return look
    return looks + 1


def simulated(runs: int, seeds: int, looks: int, effect: float) -> dict[str, NDArray[np.int_]]:
    """By rule the look at which each of `runs` claims was answered, (runs,)."""
    rng = np.random.default_rng(0)
    found: dict[str, list[int]] = {"before": [], "now": []}
    for _ in range(runs):
        d = rng.normal(effect, math.sqrt(2), looks * seeds)
        found["before"].append(before(d, seeds, looks))
        found["now"].append(now(d, seeds, looks))
    return {rule: np.array(rows) for rule, rows in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=19)
    parser.add_argument("--effect", type=float, default=1.0)
    parser.add_argument("--looks", type=int, nargs="+", default=[1, 2, 3, 6, 18])
    parser.add_argument("--json", action="store_true")
    words = parser.parse_args()
    most = max(words.looks)
    rows = []
    for effect in (0.0, words.effect):
        answered = simulated(words.runs, words.seeds, most, effect)
        for looks in words.looks:
            shares = {rule: float((row <= looks).mean()) for rule, row in answered.items()}
            rows.append({"effect": effect, "looks": looks, **shares})
    if words.json:
        print(json.dumps(rows))
        return
    print(f"{words.runs} claims, {words.seeds} pairs a look, alpha {ALPHA}")
    print("effect  looks  pairs  before     now")
    for row in rows:
        pairs = int(row["looks"]) * words.seeds
        print(
            f"{row['effect']:6g} {row['looks']:6} {pairs:6}  {row['before']:6.3f}  {row['now']:6.3f}"
        )
    worst = max(
        math.sqrt(row[rule] * (1 - row[rule])) for row in rows for rule in ("before", "now")
    )
    print(f"standard error of a share: {worst / math.sqrt(words.runs):.4f} at most")


if __name__ == "__main__":
    main()
