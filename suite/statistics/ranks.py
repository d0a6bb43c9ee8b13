"""Strategies over many task instances: mean ranks, and Wilcoxon's test of every pair.

Demšar 2006, "Statistical comparisons of classifiers over multiple data sets", JMLR 7, and Benavoli,
Corani and Mangili 2016, "Should we really use post-hoc tests based on mean-ranks?", JMLR 17: whether
two strategies differ by mean ranks hangs on which others are in the pool. So ranks are shown, Friedman's
test asks whether any differ, and which do is told pair by pair, by signed ranks with Holm within
families. A few instances say nothing: under 10 it is refused, with the reason.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats as scipy_stats

from suite.statistics.families import Family, adjusted
from suite.statistics.signed_rank import smallest_p, wilcoxon

FEWEST_INSTANCES = 10
ALPHA = 0.05


@dataclass(frozen=True)
class PairRow:
    """Two strategies over all instances; p values of Wilcoxon's signed-rank test of their medians.

    `wins_a` and `wins_b` count instances, `difference` is the median of a − b over them, and `better`
    the winner where `p_holm`, adjusted within the family, is below 0.05.
    """

    family: str
    a: str
    b: str
    instances: int
    wins_a: int
    wins_b: int
    difference: float
    p: float
    p_holm: float
    better: str


@dataclass(frozen=True)
class Ranking:
    """Mean ranks (1 is best) of `names` over `instances` tasks, best first.

    `p` is Friedman's. `groups` are the runs of names, longest possible, within which no pair is
    resolved; none of one name.
    """

    names: tuple[str, ...]
    ranks: tuple[float, ...]
    instances: int
    p: float
    groups: tuple[tuple[str, ...], ...]


def refusal(instances: int, strategies: int) -> str:
    """Why nothing is said over so many, in words; empty where something may be."""
    if strategies < 3:
        return f"{strategies} strategies ran on all instances; Friedman's test compares 3 or more."
    if instances < FEWEST_INSTANCES:
        pairs = strategies * (strategies - 1) // 2
        least = smallest_p(max(instances, 1))
        return (
            f"{instances} task instance{'s' if instances != 1 else ''}, and a statement over tasks"
            f" needs {FEWEST_INSTANCES} or more: the smallest p of a pair is {least:.3g}, before Holm"
            f" over up to {pairs} pairs."
        )
    return ""


def compared(names: Sequence[str], scores: ArrayLike, families: Sequence[Family]) -> list[PairRow]:
    """Wilcoxon's test of every pair of `families` on `scores` (instances, strategies).

    Holm is within a family; a pair with a strategy that is not among `names` has no row.
    """
    column = dict(zip(names, _table(names, scores).T, strict=True))
    rows = []
    for family in families:
        pairs = [pair for pair in family.pairs if pair[0] in column and pair[1] in column]
        gaps = {pair: column[pair[0]] - column[pair[1]] for pair in pairs}
        p = {pair: wilcoxon(gap) for pair, gap in gaps.items()}
        holm = adjusted(family, p)
        for (a, b), gap in gaps.items():
            doubled = scipy_stats.rankdata(np.abs(gap)) * np.sign(gap)
            winner = a if doubled.sum() > 0 else b
            rows.append(
                PairRow(
                    family.name, a, b, len(gap), int((gap > 0).sum()), int((gap < 0).sum()),
                    float(median(gap.tolist())), p[a, b], holm[a, b],
                    winner if holm[a, b] < ALPHA else "",
                )
            )  # fmt: skip
    return rows


def ranking(
    names: Sequence[str], scores: ArrayLike, resolved: Collection[frozenset[str]]
) -> Ranking:
    """Ranks of `scores` (instances, strategies), larger is better, ties sharing the mean rank.

    `resolved` are the pairs that differ. `ValueError` with the words of `refusal` where there are too
    few of either.
    """
    table = _table(names, scores)
    if reason := refusal(*table.shape):
        raise ValueError(reason)
    mean = scipy_stats.rankdata(-table, axis=1).mean(axis=0)
    order = sorted(range(len(names)), key=lambda i: (mean[i], names[i]))
    ordered = tuple(names[i] for i in order)
    return Ranking(
        names=ordered,
        ranks=tuple(float(mean[i]) for i in order),
        instances=len(table),
        p=_friedman(table),
        groups=_groups(ordered, resolved),
    )


def _table(names: Sequence[str], scores: ArrayLike) -> np.ndarray:
    table = np.asarray(scores, dtype=float)
    if table.ndim != 2 or table.shape[1] != len(names) or not np.isfinite(table).all():
        raise ValueError(f"scores of shape {table.shape}, wanted finite (n, {len(names)})")
    return table


def _friedman(table: np.ndarray) -> float:
    if (table == table[:, :1]).all():  # every rank tied: scipy divides by zero
        return 1.0
    return float(scipy_stats.friedmanchisquare(*table.T).pvalue)


def _groups(
    names: tuple[str, ...], resolved: Collection[frozenset[str]]
) -> tuple[tuple[str, ...], ...]:
    found: list[tuple[int, int]] = []
    for first in range(len(names)):
        last = first
        while last + 1 < len(names) and not any(
            frozenset((names[i], names[last + 1])) in resolved for i in range(first, last + 1)
        ):
            last += 1
        if last > first and not any(a <= first and last <= b for a, b in found):
            found.append((first, last))
    return tuple(names[a : b + 1] for a, b in found)
