"""The optimizers in the order of their medians, and how each stands to each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from suite.report.load.results import Results
from suite.report.rows.comparisons import ComparisonRow, beaten, ordered
from suite.report.rows.strategies import StrategyRow
from suite.report.rows.tables import Tables


@dataclass(frozen=True)
class Standing:
    """One optimizer in the order of medians; places are per cent of the axis's width.

    Attributes
    ----------
    row : StrategyRow
    dots : tuple of float
        Places of its runs.
    middle : float
        Place of the IQM.
    bar : tuple of float, or None
        Ends of the IQM's interval; None under 5 seeds.
    better_than : tuple of str
        Whom it is better than, resolved.
    failure_rate : float
        Share of its candidates that failed, in [0, 1].
    """

    row: StrategyRow
    dots: tuple[float, ...]
    middle: float
    bar: tuple[float, float] | None
    better_than: tuple[str, ...]
    failure_rate: float


@dataclass(frozen=True)
class Cell:
    """How the row's optimizer stands to the column's.

    Attributes
    ----------
    improvement, low, high : float
        Probability that a run of the row beats one of the column, and its interval.
    better : str
        One of the two, or empty.
    """

    improvement: float
    low: float
    high: float
    better: str


def standings(results: Results, tables: Tables) -> list[Standing]:
    """Place the optimizers that have a value of what they are compared by, the best first.

    Parameters
    ----------
    results : Results
    tables : Tables

    Returns
    -------
    list of Standing
    """
    rows = {r.optimizer: r for r in tables.strategies if r.indicator == results.measure}
    values = [value for row in rows.values() for value in row.values]
    low, high = bounds(values)

    def place(value: float) -> float:
        return round(100 * (value - low) / (high - low), 2)

    rates = {row.optimizer: row.rate for row in tables.failures}
    standing = []
    for name in filter(rows.__contains__, ordered(results)):
        row = rows[name]
        bar = None if math.isnan(row.iqm_low) else (place(row.iqm_low), place(row.iqm_high))
        wins = beaten(tables.comparisons, name)
        dots = tuple(place(value) for value in row.values)
        standing.append(Standing(row, dots, place(row.iqm), bar, tuple(wins), rates.get(name, 0.0)))
    return standing


def bounds(values: Sequence[float]) -> tuple[float, float]:
    """Find the ends of an axis: a little beyond the least and the greatest value.

    Parameters
    ----------
    values : sequence of float
        One or more.

    Returns
    -------
    low, high : float
        Never equal.

    Examples
    --------
    >>> bounds([0.0, 1.0]), bounds([0.5])
    ((-0.04, 1.04), (0.49, 0.51))
    """
    low, high = min(values), max(values)
    margin = 0.04 * (high - low) or 0.01
    return low - margin, high + margin


def matrix(rows: Sequence[ComparisonRow]) -> dict[tuple[str, str], Cell]:
    """Tell how every optimizer stands to every other that it is compared with.

    Parameters
    ----------
    rows : sequence of ComparisonRow

    Returns
    -------
    dict of (str, str) to Cell
        By row and column, both orders.
    """
    cells = {}
    for r in rows:
        low, high = r.improvement_low, r.improvement_high
        cells[r.a, r.b] = Cell(r.improvement, low, high, r.better)
        cells[r.b, r.a] = Cell(1 - r.improvement, 1 - high, 1 - low, r.better)
    return cells
