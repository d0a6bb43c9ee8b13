"""The report in words: how figures are written, and what is said of fronts and seeds."""

from __future__ import annotations

import math

from suite import pareto, stats
from suite.objective import Objective
from suite.report.results import Results
from suite.report.series import digits, scale, unit

ALPHA = 0.05


def fixed(value: float, digits: int = 1, factor: float = 1.0) -> str:
    """`value` times `factor` with `digits` decimals and a true minus; NaN as a dash."""
    if math.isnan(value):
        return "–"
    return f"{value * factor:.{digits}f}".replace("-", "−") if math.isfinite(value) else "∞"


def signed(value: float, digits: int = 1, factor: float = 1.0) -> str:
    """With its sign, a true minus among them; NaN as a dash."""
    return "–" if math.isnan(value) else f"{value * factor:+.{digits}f}".replace("-", "−")


def pvalue(value: float) -> str:
    """Three decimals, and ``<0.001`` below that; NaN as a dash."""
    if math.isnan(value):
        return "–"
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def _digits(objective: Objective) -> tuple[int, float]:
    return digits(objective), scale(objective)


def score(objective: Objective, value: float) -> str:
    """A score in the unit it is shown in."""
    return f"{fixed(value, *_digits(objective))} {unit(objective)}".strip()


def distinct_points(results: Results) -> str:
    """How many distinct non-dominated points were found on the report items; empty before."""
    judged = {
        optimizer: [line.losses for run in results.of(optimizer) for line in run.reported]
        for optimizer in results.optimizers
    }
    together = [losses for rows in judged.values() for losses in rows]
    if not together:
        return ""
    counts = ", ".join(f"{name} {len(pareto.front(rows))}" for name, rows in judged.items() if rows)
    return (
        "Distinct non-dominated points on the report items, seeds pooled:"
        f" {counts}; all optimizers together {len(pareto.front(together))}."
    )


def separation(seeds: int, pairs: int) -> str:
    """What `seeds` per optimizer can resolve at Holm's strictest step over `pairs` pairs."""
    least = stats.smallest_p(seeds, seeds) * max(1, pairs)
    if least >= ALPHA:
        return "No difference, however large, can pass that correction."
    # The next smallest p, of one run out of place, is twice the smallest.
    if 2 * least >= ALPHA:
        return (
            "At the strictest step only complete separation can be resolved:"
            " every seed of one above every seed of the other."
        )
    return ""
