"""Which strategy finds the best single merge: what the runs chose, pair by pair, on the report items."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from suite.report.load import families as frozen
from suite.report.load.results import Judged, Results
from suite.report.rows.comparisons import ALPHA
from suite.report.rows.item_draws import measured_on
from suite.statistics import choice, crossed, rank_sum
from suite.statistics.bootstrap import Values
from suite.statistics.families import Family, Pair, adjusted


@dataclass(frozen=True)
class BestRow:
    """Two optimizers by the merges that a rule chose of their runs: a line of ``best_merges.csv``.

    All on report items. Compared is what the rule makes small (`suite.statistics.choice.loss`): the loss
    of its objective, or the mean loss.

    Attributes
    ----------
    rule : str
    family, date : str
        The family that p is adjusted in, and the day it was frozen.
    a, b : str
        The optimizers.
    seeds_a, seeds_b : int
        Chosen merges of each, 2 or more.
    gain : float
        Mean over seeds of b's minus that of a's, so that above 0 `a` is better.
    gain_low, gain_high : float
        Its 95 % interval over seeds and report items.
    p, p_holm : float
        Mann–Whitney's over seeds; adjusted within the family.
    p_items, p_items_holm : float
        Over seeds and report items (`suite.statistics.crossed`); adjusted within the family.
    better : str
        The winner where both adjusted p are below 0.05; else empty.
    """

    rule: str
    family: str
    date: str
    a: str
    b: str
    seeds_a: int
    seeds_b: int
    gain: float
    gain_low: float
    gain_high: float
    p: float
    p_holm: float
    p_items: float
    p_items_holm: float
    better: str


@dataclass(frozen=True, eq=False)
class _Chosen:
    """One optimizer's chosen merges.

    Attributes
    ----------
    values : list of float
        What the rule makes small of each.
    drawn : list of ndarray, shape (resamples,)
        The same on draws of items.
    """

    values: list[float]
    drawn: list[Values]


def best_rows(results: Results) -> list[BestRow]:
    """Compare optimizers by the merges that their runs chose.

    Parameters
    ----------
    results : Results

    Returns
    -------
    list of BestRow
        One per rule and pair of the families, of optimizers with two chosen merges or more each.
    """
    names = [objective.name for objective in results.objectives]
    rows = []
    for rule in choice.rules(names):
        chosen = {o: _chosen(results, o, rule, names) for o in results.optimizers}
        for family in frozen.of(results):
            rows += _rows(rule, family, chosen)
    return rows


def _chosen(results: Results, optimizer: str, rule: str, names: Sequence[str]) -> _Chosen:
    merges = [merge for run in results.of(optimizer) if (merge := run.chosen.get(rule))]
    values = [choice.loss(rule, merge.losses, names) for merge in merges]
    return _Chosen(values, [_again(results, merge, rule, names) for merge in merges])


def _again(results: Results, merge: Judged, rule: str, names: Sequence[str]) -> Values:
    """Compute what the rule makes small of one merge on every draw; empty without item outcomes."""
    measured = [measured_on(objective, [merge]) for objective in results.objectives]
    sizes = {each.items: each.outcomes.shape[1] for each in measured if not each.fixed}
    if not sizes:
        return crossed.NO_DRAWS
    losses = crossed.losses(measured, crossed.counts(sizes))[:, 0, :]
    if rule in (choice.KNEE, choice.UTILITY):
        return np.asarray(losses.mean(axis=1))
    return np.asarray(losses[:, names.index(rule.removeprefix("best "))])


def _rows(rule: str, family: Family, chosen: Mapping[str, _Chosen]) -> list[BestRow]:
    sides = {
        (a, b): (chosen[a], chosen[b])
        for a, b in family.pairs
        if a in chosen and b in chosen and min(len(chosen[a].values), len(chosen[b].values)) > 1
    }
    seeds = {pair: rank_sum.mann_whitney(a.values, b.values) for pair, (a, b) in sides.items()}
    over = {pair: _difference(a, b) for pair, (a, b) in sides.items()}
    seeds_holm = adjusted(family, seeds)
    items_holm = adjusted(family, {pair: each.p for pair, each in over.items()})
    return [
        BestRow(
            rule=rule,
            family=family.name,
            date=family.date,
            a=pair[0],
            b=pair[1],
            seeds_a=len(a.values),
            seeds_b=len(b.values),
            gain=over[pair].difference,
            gain_low=over[pair].low,
            gain_high=over[pair].high,
            p=seeds[pair],
            p_holm=seeds_holm[pair],
            p_items=over[pair].p,
            p_items_holm=items_holm[pair],
            better=_better(pair, over[pair].difference, seeds_holm[pair], items_holm[pair]),
        )
        for pair, (a, b) in sides.items()
    ]


def _difference(a: _Chosen, b: _Chosen) -> crossed.OverItems:
    """Compare b − a of what is made small; of values without item outcomes over seeds alone."""
    known = all(drawn.size for side in (a, b) for drawn in side.drawn)
    sides = [side.drawn if known else [crossed.NO_DRAWS] * len(side.drawn) for side in (b, a)]
    return crossed.difference(b.values, a.values, sides[0], sides[1])


def _better(pair: Pair, gain: float, p_seeds: float, p_items: float) -> str:
    if math.isnan(p_items) or max(p_seeds, p_items) >= ALPHA or gain == 0:
        return ""
    return pair[0] if gain > 0 else pair[1]
