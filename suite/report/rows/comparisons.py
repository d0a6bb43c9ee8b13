"""Optimizers against each other, pair by pair: on report items, and on the items they searched with."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from suite.report.load import families as frozen
from suite.report.load.controls import CONTROLS
from suite.report.load.results import REPORT, SEARCH, Results
from suite.report.rows.item_draws import ItemDraws, item_draws
from suite.statistics import bootstrap, crossed, rank_sum, sign_flip
from suite.statistics.families import Family, Pair, adjusted, extended

ALPHA = 0.05
Scores = Mapping[str, Mapping[int, float]]  # by optimizer and seed, larger is better
NOTHING = crossed.OverItems(*[math.nan] * 6)


@dataclass(frozen=True)
class ComparisonRow:
    """Two optimizers' final hypervolumes over seeds: a line of ``comparisons.csv``.

    Columns up to `better` are by the measure of their family, those that begin with ``search_`` of the
    search items.

    Attributes
    ----------
    family, date, measure : str
        The family that p is adjusted in, the day it was frozen, and what it compares.
    a, b : str
        The optimizers.
    seeds_a, seeds_b : int
        Runs with a value.
    median_a, median_b : float
        Medians over them, in [0, 1].
    improvement, improvement_low, improvement_high : float
        Probability that a run of `a` beats one of `b`, and its bootstrap interval; NaN under 5 seeds.
    p, p_holm : float
        Mann–Whitney over all seeds; adjusted within the family.
    p_paired, p_paired_holm : float
        A sign flip over the common seeds; adjusted within the family.
    difference, difference_low, difference_high : float
        Of means, a − b, with its interval over seeds and report items; NaN where no items are known.
    sd_items, sd_seeds : float
        Its standard errors due to report items and due to seeds.
    p_items, p_items_holm : float
        Over both (`suite.statistics.crossed`); adjusted within the family.
    held : tuple of str
        Objectives whose figures are no mean over items and were held fixed.
    better : str
        The winner: `p_holm` is below 0.05, and so is `p_items_holm` where it is known; empty where that
        is not so.
    search_median_a, search_median_b, search_improvement, search_p, search_p_holm : float
        The same on search items; NaN where a side has none.
    search_better : str
        What the search items alone would have said.
    """

    family: str
    date: str
    measure: str
    a: str
    b: str
    seeds_a: int
    seeds_b: int
    median_a: float
    median_b: float
    improvement: float
    improvement_low: float
    improvement_high: float
    p: float
    p_holm: float
    p_paired: float
    p_paired_holm: float
    difference: float
    difference_low: float
    difference_high: float
    sd_items: float
    sd_seeds: float
    p_items: float
    p_items_holm: float
    held: tuple[str, ...]
    better: str
    search_median_a: float
    search_median_b: float
    search_improvement: float
    search_p: float
    search_p_holm: float
    search_better: str


@dataclass(frozen=True, eq=False)
class Ends:
    """What runs ended with, by optimizer and seed.

    Attributes
    ----------
    search, report : mapping of str to mapping of int to float
        Hypervolume on search items and on report items, in [0, 1].
    drawn : ItemDraws
        The latter on draws of report items.
    """

    search: Scores
    report: Scores = field(default_factory=dict)
    drawn: ItemDraws = field(default_factory=ItemDraws)

    def by(self, measure: str) -> Scores:
        """Take the values that a measure names.

        Parameters
        ----------
        measure : {"hypervolume", "report_hypervolume"}

        Returns
        -------
        mapping of str to mapping of int to float
        """
        return self.report if measure == REPORT else self.search


def comparison_rows(results: Results) -> list[ComparisonRow]:
    """Compare every pair of optimizers that have a run with a value; see `compared`.

    Parameters
    ----------
    results : Results

    Returns
    -------
    list of ComparisonRow
    """
    ends = Ends(results.final, results.reported, item_draws(results))
    return compared(ends, frozen.of(results))


def compared(
    ends: Ends, families: Sequence[Family] | None = None, resamples: int = bootstrap.RESAMPLES
) -> list[ComparisonRow]:
    """Compare every pair of some families of which both have a value by its measure.

    Parameters
    ----------
    ends : Ends
    families : sequence of Family, optional
        Left out, those of a study that nothing is frozen of, on search items.
    resamples : int
        Of the interval of `improvement`.

    Returns
    -------
    list of ComparisonRow
        By family, in the order of its pairs.
    """
    if families is None:
        families = extended((), ends.search, CONTROLS, SEARCH)
    return [row for family in families for row in _rows(ends, family, resamples)]


def _rows(ends: Ends, family: Family, resamples: int) -> list[ComparisonRow]:
    values = ends.by(family.measure)
    pairs = [pair for pair in family.pairs if values.get(pair[0]) and values.get(pair[1])]
    plain, plain_holm = _tested(values, family)
    search, search_holm = _tested(ends.search, family)
    paired = {pair: _paired(values[pair[0]], values[pair[1]]) for pair in pairs}
    paired_holm = adjusted(family, paired)
    over = {pair: _over_items(ends, family.measure, pair) for pair in pairs}
    items_holm = adjusted(family, {pair: each.p for pair, each in over.items()})
    rows = []
    for pair in pairs:
        a, b = ([*values[name].values()] for name in pair)
        effect, each = bootstrap.improvement([a], [b], resamples=resamples), over[pair]
        rows.append(
            ComparisonRow(
                family.name, family.date, family.measure, pair[0], pair[1], len(a), len(b),
                median(a), median(b), effect.value, effect.low, effect.high,
                plain[pair], plain_holm[pair], paired[pair], paired_holm[pair],
                each.difference, each.low, each.high, each.sd_items, each.sd_seeds,
                each.p, items_holm[pair], _held(ends, family.measure, pair),
                _better(pair, effect.value, plain_holm[pair], each.difference, items_holm[pair]),
                *_searched(ends.search, pair, search, search_holm),
            )
        )  # fmt: skip
    return rows


def _tested(values: Scores, family: Family) -> tuple[dict[Pair, float], dict[Pair, float]]:
    """Test every pair that has values by Mann–Whitney; p, and the same Holm-adjusted."""
    p = {
        (a, b): rank_sum.mann_whitney([*values[a].values()], [*values[b].values()])
        for a, b in family.pairs
        if values.get(a) and values.get(b)
    }
    return p, adjusted(family, p)


def _paired(a: Mapping[int, float], b: Mapping[int, float]) -> float:
    common = sorted(a.keys() & b.keys())
    if not common:
        return math.nan
    return sign_flip.sign_flip([a[seed] - b[seed] for seed in common])


def _over_items(ends: Ends, measure: str, pair: Pair) -> crossed.OverItems:
    """NaN throughout on search items, and where a run of the pair has no outcomes of report items."""
    sides = [ends.drawn.volumes.get(name, {}) for name in pair]
    values = [ends.by(measure)[name] for name in pair]
    known = all(v and v.keys() == s.keys() for v, s in zip(values, sides, strict=True))
    if measure != REPORT or not known:
        return NOTHING
    drawn = [[side[seed] for seed in v] for v, side in zip(values, sides, strict=True)]
    return crossed.difference([*values[0].values()], [*values[1].values()], drawn[0], drawn[1])


def _held(ends: Ends, measure: str, pair: Pair) -> tuple[str, ...]:
    if measure != REPORT:
        return ()
    return tuple(dict.fromkeys(o for name in pair for o in ends.drawn.held.get(name, ())))


def _searched(
    values: Scores, pair: Pair, p: Mapping[Pair, float], holm: Mapping[Pair, float]
) -> tuple[float, float, float, float, float, str]:
    """Fill the last six fields of `ComparisonRow`."""
    if pair not in p:
        return math.nan, math.nan, math.nan, math.nan, math.nan, ""
    a, b = ([*values[name].values()] for name in pair)
    wins = rank_sum.probability_of_improvement(a, b)
    better = _better(pair, wins, holm[pair], math.nan, math.nan)
    return median(a), median(b), wins, p[pair], holm[pair], better


def _better(pair: Pair, improvement: float, p: float, difference: float, p_items: float) -> str:
    if not p < ALPHA or improvement == 0.5:
        return ""
    first = improvement > 0.5
    if not math.isnan(p_items) and (p_items >= ALPHA or (difference > 0) != first):
        return ""
    return pair[0] if first else pair[1]


def beaten(rows: Sequence[ComparisonRow], optimizer: str) -> list[str]:
    """List whom an optimizer is better than, resolved.

    Parameters
    ----------
    rows : sequence of ComparisonRow
    optimizer : str

    Returns
    -------
    list of str
        In the order of `rows`.
    """
    return [row.b if row.a == optimizer else row.a for row in rows if row.better == optimizer]


def ordered(results: Results) -> list[str]:
    """Order the optimizers by the median of what they are compared by, the best first.

    Parameters
    ----------
    results : Results

    Returns
    -------
    list of str
        Those without a value by it come last, by their median on search items.
    """
    primary, final = results.primary, results.final

    def place(optimizer: str) -> tuple[bool, float, str]:
        known = primary[optimizer] or final[optimizer]
        return not primary[optimizer], -median(known.values()), optimizer

    return sorted(final, key=place)
