"""The first thing the page says: which optimizer finds better merges, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from suite.report.load.controls import RANDOM
from suite.report.load.results import REPORT, Results
from suite.report.rows.comparisons import ComparisonRow, beaten, ordered
from suite.report.rows.strategies import StrategyRow
from suite.report.rows.tables import Tables
from suite.report.rows.words import fixed, generalised
from suite.statistics import rank_sum

NAMED = 4  # optimizers named in a sentence


@dataclass(frozen=True)
class Standing:
    """One optimizer in the order of medians; `dots`, `middle` and `bar` are per cent of a strip.

    `bar` is the interval of the IQM, None under 5 seeds. `better_than` is resolved, `untold` holds
    those from whom it is not told apart.
    """

    row: StrategyRow
    dots: tuple[float, ...]
    middle: float
    bar: tuple[float, float] | None
    better_than: tuple[str, ...]
    untold: tuple[str, ...]
    failure_rate: float


@dataclass(frozen=True)
class Cell:
    """How the row's optimizer stands to the column's; `better` is one of them, or empty."""

    improvement: float
    low: float
    high: float
    better: str


def standings(results: Results, tables: Tables) -> list[Standing]:
    """Those that have a value of what they are compared by, the best first."""
    rows = {r.optimizer: r for r in tables.strategies if r.indicator == results.measure}
    values = [value for row in rows.values() for value in row.values]
    low, high = bounds(values)

    def place(value: float) -> float:
        return round(100 * (value - low) / (high - low), 2)

    rates = {row.optimizer: row.rate for row in tables.failures}
    found = []
    for name in filter(rows.__contains__, ordered(results)):
        row = rows[name]
        bar = None if math.isnan(row.iqm_low) else (place(row.iqm_low), place(row.iqm_high))
        wins = beaten(tables.comparisons, name)
        losses = [
            r for r in tables.comparisons if name in (r.a, r.b) and r.better not in ("", name)
        ]
        lost = {r.better for r in losses}
        others = [n for n in results.optimizers if n != name and n not in wins and n not in lost]
        dots = tuple(place(value) for value in row.values)
        found.append(
            Standing(
                row, dots, place(row.iqm), bar, tuple(wins), tuple(others), rates.get(name, 0.0)
            )
        )
    return found


def bounds(values: Sequence[float]) -> tuple[float, float]:
    """The ends of the strip: a little beyond the least and the greatest value."""
    low, high = min(values), max(values)
    margin = 0.04 * (high - low) or 0.01
    return low - margin, high + margin


def matrix(results: Results, rows: Sequence[ComparisonRow]) -> dict[tuple[str, str], Cell]:
    """P(row beats column) of every ordered pair that is compared, with its interval."""
    cells = {}
    for r in rows:
        low, high = r.improvement_low, r.improvement_high
        cells[r.a, r.b] = Cell(r.improvement, low, high, r.better)
        cells[r.b, r.a] = Cell(1 - r.improvement, 1 - high, 1 - low, r.better)
    return cells


def verdict(results: Results, rows: Sequence[ComparisonRow]) -> list[str]:
    """Sentences: the best by median, whom it is better than, who is better than random search, and
    what that generalises over."""
    if len(results.optimizers) < 2:
        return ["One optimizer: nothing to compare it with."]
    best, *behind = ordered(results)
    if not results.primary[best]:
        return ["No run has a trial: nothing to compare."]
    middle = median(results.primary[best].values())
    items = "report" if results.measure == REPORT else "search"
    where = "" if results.problem and items == "search" else f" on {items} items"
    first = f"{best} has the greatest hypervolume{where}: {fixed(middle, 3)} in the median of its seeds."
    won = beaten(rows, best)
    met = {name for row in rows for name in (row.a, row.b) if best in (row.a, row.b)}
    wins = [name for name in behind if name in won]
    others = [name for name in behind if name not in won and name in met]
    sentences = [first]
    if wins:
        sentences.append(f"It is better than {listed(wins)}: resolved.")
    if others:
        sentences.append(f"It is not told apart from {listed(others)}.")
    if best != RANDOM and any(RANDOM in (row.a, row.b) for row in rows):
        over = [n for n in ordered(results) if RANDOM in beaten(rows, n)]
        rest = [n for n in ordered(results) if n != RANDOM and n not in over]
        said = f"Better than random search, resolved: {listed(over)}" if over else ""
        said = said or "No strategy is resolved to be better than random search"
        sentences.append(f"{said}{f'; not: {listed(rest)}' if over and rest else ''}.")
    return [*sentences, generalised(results, rows)]


def sureness(results: Results, pairs: int) -> str:
    """What the number of seeds can tell apart in a family of so many pairs, in words."""
    seeds = min((len(v) for v in results.primary.values() if v), default=0)
    if pairs == 0 or seeds == 0:
        return ""
    shift = rank_sum.detectable_shift(seeds, 0.05 / pairs)
    of = f"{seeds} seed{'s' if seeds != 1 else ''} per optimizer and a family of {pairs} pairs"
    of = of.removesuffix("s") if pairs == 1 else of
    if math.isinf(shift):
        return f"With {of} not even complete separation is resolved: more seeds are needed."
    return (
        f"With {of} a difference of {shift:.1f} standard deviations between runs is found four times"
        " in five where it is the only one; a smaller one may stay unresolved and yet be there."
    )


def listed(names: Sequence[str]) -> str:
    """Names in a sentence; of many the first ones, and how many more."""
    if len(names) > NAMED + 1:
        return f"{', '.join(names[:NAMED])} and {len(names) - NAMED} others"
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]])) if names else "none"
