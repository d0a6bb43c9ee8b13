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
    """Two strategies over all task instances: a line of ``pairs.csv``.

    Attributes
    ----------
    family : str
        Name of the family that p is adjusted in.
    a, b : str
        The strategies.
    instances : int
        Number of task instances, 1 or more.
    wins_a, wins_b : int
        On how many instances each has the larger score.
    difference : float
        Median of a − b over instances, in the unit of the scores.
    p : float
        Two-sided p of Wilcoxon's signed-rank test, in (0, 1].
    p_holm : float
        The same, Holm-adjusted within the family.
    better : str
        The winner by the sum of signed ranks where `p_holm` is below 0.05; else empty.
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
    """Mean ranks over task instances, best first.

    Attributes
    ----------
    names : tuple of str
        The strategies, best first.
    ranks : tuple of float
        Their mean ranks, 1 is best.
    instances : int
        Number of task instances.
    p : float
        Friedman's, in [0, 1]; 1 where all are equal everywhere.
    groups : tuple of tuple of str
        The runs of names, longest possible, within which no pair is resolved; none of one name.
    """

    names: tuple[str, ...]
    ranks: tuple[float, ...]
    instances: int
    p: float
    groups: tuple[tuple[str, ...], ...]


def refusal(instances: int, strategies: int) -> str:
    """Say why nothing is said over so many instances and strategies.

    Parameters
    ----------
    instances, strategies : int
        How many there are, 0 or more.

    Returns
    -------
    str
        A sentence; empty where something may be said.

    Examples
    --------
    >>> refusal(12, 3)
    ''
    >>> refusal(12, 2)
    "2 strategies ran on all instances; Friedman's test compares 3 or more."
    """
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
    """Test every pair of the families by Wilcoxon's signed-rank test.

    Parameters
    ----------
    names : sequence of str
        The strategies, by column of `scores`.
    scores : array_like, shape (instances, strategies)
        Finite, one instance or more; larger is better.
    families : sequence of Family
        Holm is within each; a pair with a strategy that is not among `names` has no row.

    Returns
    -------
    list of PairRow

    Raises
    ------
    ValueError
        For scores of another shape, or not finite.

    Examples
    --------
    >>> from suite.statistics.families import extended
    >>> scores = [[k + 1.0, 0.0] for k in range(10)]
    >>> row = compared(["a", "b"], scores, extended((), ["a", "b"], (), "report"))[0]
    >>> row.better, row.p  # ten of ten: 2 / 2¹⁰
    ('a', 0.001953125)
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
    """Rank strategies over instances, ties sharing the mean rank, with Friedman's test.

    Parameters
    ----------
    names : sequence of str
        The strategies, by column of `scores`.
    scores : array_like, shape (instances, strategies)
        Finite; larger is better.
    resolved : collection of frozenset of str
        The pairs that differ.

    Returns
    -------
    Ranking

    Raises
    ------
    ValueError
        With the words of `refusal` where there are too few of either; for scores of another shape, or
        not finite.

    Examples
    --------
    >>> mean = ranking(["a", "b", "c"], [[3, 1, 2]] * 10, ())
    >>> mean.names, mean.ranks
    (('a', 'c', 'b'), (1.0, 2.0, 3.0))
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
    if not len(table):
        raise ValueError("scores of no task instance, wanted one or more")
    return table


def _friedman(table: np.ndarray) -> float:
    if (table == table[:, :1]).all():  # every rank tied: scipy divides by zero
        return 1.0
    return float(scipy_stats.friedmanchisquare(*table.T).pvalue)


def _groups(
    names: tuple[str, ...], resolved: Collection[frozenset[str]]
) -> tuple[tuple[str, ...], ...]:
    spans: list[tuple[int, int]] = []
    for first in range(len(names)):
        last = first
        while last + 1 < len(names) and not any(
            frozenset((names[i], names[last + 1])) in resolved for i in range(first, last + 1)
        ):
            last += 1
        if last > first and not any(a <= first and last <= b for a, b in spans):
            spans.append((first, last))
    return tuple(names[a : b + 1] for a, b in spans)
