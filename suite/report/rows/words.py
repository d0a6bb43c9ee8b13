"""The report in words: how figures are written, and what is said of fronts and seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence

from suite.objective import Objective
from suite.report.load.results import REPORT, SEARCH, Results
from suite.report.rows.comparisons import ComparisonRow
from suite.report.rows.series import digits, scale, unit
from suite.statistics import pareto, rank_sum
from suite.statistics.families import Family

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
    least = rank_sum.smallest_p(seeds, seeds) * max(1, pairs)
    if least >= ALPHA:
        return "No difference, however large, can pass that correction."
    # The next smallest p, of one run out of place, is twice the smallest.
    if 2 * least >= ALPHA:
        return (
            "At the strictest step only complete separation can be resolved:"
            " every seed of one above every seed of the other."
        )
    return ""


def generalised(results: Results, rows: Sequence[ComparisonRow]) -> str:
    """What the verdicts of `rows` hold beyond; empty where nothing is compared."""
    if not rows:
        return ""
    if results.measure == SEARCH:
        if results.problem:
            return "This holds over seeds."
        return "This holds over seeds, on the very items that the strategies were fitted to."
    if any(math.isnan(row.p_items) for row in rows):
        return (
            "This holds over seeds; where outcomes of report items are not known, the items are taken"
            " as they were. The search items were the same for all."
        )
    return "This holds over seeds and report items; the search items were the same for all."


def floors(families: Sequence[Family], seeds: int) -> list[str]:
    """What `seeds` of either side can never resolve in each family, however far they are apart."""
    found = []
    for family in families:
        n = len(family.pairs)
        least = [rank_sum.smallest_p(seeds, seeds) * n, 2.0 ** (1 - seeds) * n]
        plain, paired = (pvalue(min(1.0, p)) for p in least)
        text = (
            f"{family.name}: {n} pair{'s' if n != 1 else ''},"
            f" {f'frozen on {family.date}' if family.frozen else 'not frozen'}; with {seeds} seeds"
            f" the smallest p after Holm is {plain} (Mann–Whitney) and {paired} (paired by seed)."
        )
        found.append(f"{text} {separation(seeds, n)}".strip())
    return found


def measured(families: Sequence[Family]) -> str:
    """By which hypervolume the pairs of `families` are compared."""
    kinds = {"report items" if family.measure == REPORT else "search items" for family in families}
    return " and ".join(sorted(kinds)) or "search items"
