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
class _Searched:
    """The same pair on search items."""

    search_median_a: float
    search_median_b: float
    search_improvement: float
    search_p: float
    search_p_holm: float
    search_better: str


@dataclass(frozen=True)
class ComparisonRow:
    """Two optimizers' final hypervolumes over seeds, by the measure of their family.

    p values ending in ``holm`` are adjusted within the family. `improvement` is the probability that
    a run of `a` beats one of `b`, with its stratified bootstrap interval (NaN under 5 seeds); `p` is
    Mann–Whitney over all seeds, `p_paired` a sign flip over the common ones. `difference` is that of
    means, with its interval, its standard errors due to report items and due to seeds, and `p_items`,
    which is over both (`suite.statistics.crossed`); NaN where no items are known. `held` names
    objectives whose figures are no mean over items and were held fixed.

    `better` names the winner: `p_holm` is below 0.05, and so is `p_items_holm` where it is known; it
    is empty where that is not so. The figures after it are those of the search items, `search_better`
    what they alone would have said.
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
    """What runs ended with: hypervolume on search items, on report items, and on draws of those."""

    search: Scores
    report: Scores = field(default_factory=dict)
    drawn: ItemDraws = field(default_factory=ItemDraws)

    def by(self, measure: str) -> Scores:
        return self.report if measure == REPORT else self.search


def comparison_rows(results: Results) -> list[ComparisonRow]:
    """Every pair of optimizers that have a run with a value; see `compared`."""
    ends = Ends(results.final, results.reported, item_draws(results))
    return compared(ends, frozen.of(results))


def compared(
    ends: Ends, families: Sequence[Family] | None = None, resamples: int = bootstrap.RESAMPLES
) -> list[ComparisonRow]:
    """Every pair of `families` of which both have a value by its measure.

    Left out, `families` are those of a study that nothing is frozen of, on search items. `resamples`
    are those of the interval of `improvement`.
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
    items_holm = adjusted(family, {pair: found.p for pair, found in over.items()})
    rows = []
    for pair in pairs:
        a, b = ([*values[name].values()] for name in pair)
        effect, found = bootstrap.improvement([a], [b], resamples=resamples), over[pair]
        rows.append(
            ComparisonRow(
                family.name, family.date, family.measure, *pair, len(a), len(b),
                median(a), median(b), effect.value, effect.low, effect.high,
                plain[pair], plain_holm[pair], paired[pair], paired_holm[pair],
                found.difference, found.low, found.high, found.sd_items, found.sd_seeds,
                found.p, items_holm[pair], _held(ends, family.measure, pair),
                _better(pair, effect.value, plain_holm[pair], found.difference, items_holm[pair]),
                **vars(_searched(ends.search, pair, search, search_holm)),
            )
        )  # fmt: skip
    return rows


def _tested(values: Scores, family: Family) -> tuple[dict[Pair, float], dict[Pair, float]]:
    """Mann–Whitney p of every pair that has values, and the same Holm-adjusted within the family."""
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
) -> _Searched:
    if pair not in p:
        return _Searched(math.nan, math.nan, math.nan, math.nan, math.nan, "")
    a, b = ([*values[name].values()] for name in pair)
    wins = rank_sum.probability_of_improvement(a, b)
    better = _better(pair, wins, holm[pair], math.nan, math.nan)
    return _Searched(median(a), median(b), wins, p[pair], holm[pair], better)


def _better(pair: Pair, improvement: float, p: float, difference: float, p_items: float) -> str:
    if not p < ALPHA or improvement == 0.5:
        return ""
    first = improvement > 0.5
    if not math.isnan(p_items) and (p_items >= ALPHA or (difference > 0) != first):
        return ""
    return pair[0] if first else pair[1]


def beaten(rows: Sequence[ComparisonRow], optimizer: str) -> list[str]:
    """Whom `optimizer` is better than, resolved, in the order of `rows`."""
    return [row.b if row.a == optimizer else row.a for row in rows if row.better == optimizer]


def ordered(results: Results) -> list[str]:
    """The optimizers by the median of what they are compared by, the best first.

    Those without a value by it come last, by their median on search items.
    """
    primary, final = results.primary, results.final

    def place(optimizer: str) -> tuple[bool, float, str]:
        known = primary[optimizer] or final[optimizer]
        return not primary[optimizer], -median(known.values()), optimizer

    return sorted(final, key=place)
