"""Strategies ranked over many task instances: Friedman's test and Nemenyi's critical difference.

Demšar 2006, "Statistical comparisons of classifiers over multiple data sets", JMLR 7. A diagram of a
few instances says nothing: with 2 instances and 4 strategies the critical difference, 3.32, is more
than the largest difference there can be, 3. So it is refused under 10 instances, with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats as scipy_stats

FEWEST_INSTANCES = 10


@dataclass(frozen=True)
class Ranking:
    """Mean ranks (1 is best) of `names` over `instances` tasks, best first.

    `p` is Friedman's; two strategies differ where their ranks are further apart than `critical`.
    `groups` are the runs of names, longest possible, within which none differ; none of one name.
    """

    names: tuple[str, ...]
    ranks: tuple[float, ...]
    instances: int
    p: float
    critical: float
    groups: tuple[tuple[str, ...], ...]


def refusal(instances: int, strategies: int) -> str:
    """Why there is no diagram of so many, in words; empty where there may be one."""
    if strategies < 3:
        return f"{strategies} strategies ran on all instances; Friedman's test compares 3 or more."
    if instances < FEWEST_INSTANCES:
        critical, most = critical_difference(strategies, max(instances, 1)), strategies - 1
        return (
            f"{instances} task instance{'s' if instances != 1 else ''}, and a diagram of ranks needs"
            f" {FEWEST_INSTANCES} or more: mean ranks of {strategies} strategies would have to differ"
            f" by {critical:.2f}, of the {most} there can be at most."
        )
    return ""


def critical_difference(strategies: int, instances: int, alpha: float = 0.05) -> float:
    """Nemenyi's: the difference of two mean ranks that is significant among all pairs."""
    range_ = scipy_stats.studentized_range.ppf(1 - alpha, strategies, math.inf) / math.sqrt(2)
    return float(range_ * math.sqrt(strategies * (strategies + 1) / (6 * instances)))


def ranking(names: Sequence[str], scores: ArrayLike) -> Ranking:
    """Ranks of `scores` (instances, strategies), larger is better, ties sharing the mean rank.

    `ValueError` with the words of `refusal` where there are too few of either.
    """
    table = np.asarray(scores, dtype=float)
    if table.ndim != 2 or table.shape[1] != len(names) or not np.isfinite(table).all():
        raise ValueError(f"scores of shape {table.shape}, wanted finite (n, {len(names)})")
    if reason := refusal(*table.shape):
        raise ValueError(reason)
    mean = scipy_stats.rankdata(-table, axis=1).mean(axis=0)
    order = sorted(range(len(names)), key=lambda i: (mean[i], names[i]))
    ranks = tuple(float(mean[i]) for i in order)
    ordered = tuple(names[i] for i in order)
    critical = critical_difference(len(names), len(table))
    return Ranking(
        names=ordered,
        ranks=ranks,
        instances=len(table),
        p=_friedman(table),
        critical=critical,
        groups=_groups(ordered, ranks, critical),
    )


def _friedman(table: np.ndarray) -> float:
    if (table == table[:, :1]).all():  # every rank tied: scipy divides by zero
        return 1.0
    return float(scipy_stats.friedmanchisquare(*table.T).pvalue)


def _groups(
    names: tuple[str, ...], ranks: tuple[float, ...], critical: float
) -> tuple[tuple[str, ...], ...]:
    found: list[tuple[int, int]] = []
    for first, rank in enumerate(ranks):
        last = max(i for i in range(first, len(ranks)) if ranks[i] - rank <= critical)
        if last > first and not any(a <= first and last <= b for a, b in found):
            found.append((first, last))
    return tuple(names[a : b + 1] for a, b in found)
