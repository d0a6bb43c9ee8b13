"""Which of many merges somebody takes home: three rules, the same for searches and for hand tuning.

==============  =================================================================================
rule            the merge that it chooses
==============  =================================================================================
``best NAME``   the one with the least loss in objective NAME, a rule per objective
``knee``        the front's point farthest below the plane of its extremes (Das 1999)
``utility``     the one with the least mean loss: every objective counts alike
==============  =================================================================================

A rule sees losses on one split, the select items: those that the search was not fitted to, and that
the report items are not. It knows nothing of models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from suite.statistics import pareto

KNEE, UTILITY = "knee", "utility"
CANDIDATES = 10  # best trials of each objective that are measured on select items beside the front
_ON_THE_PLANE = 1e-12  # of the front's extent; extremes lie on their plane but for rounding


def rules(names: Sequence[str]) -> tuple[str, ...]:
    """The rules for objectives `names`, in the order in which they are shown.

    >>> rules(["ja_math", "ja_general"])
    ('best ja_math', 'best ja_general', 'knee', 'utility')
    """
    return (*(f"best {name}" for name in names), *((KNEE, UTILITY) if len(names) > 1 else ()))


def choose(losses: Mapping[int, Sequence[float]], names: Sequence[str]) -> dict[str, int]:
    """The merge that each rule chooses.

    Parameters
    ----------
    losses : mapping of int to sequence of float
        Losses (m,) on the select items by the merge's number; at least one merge. Of merges that a
        rule likes equally the one with the least mean loss is chosen, then the one with the least
        number: shares of a few hundred items tie often.
    names : sequence of str
        The m objectives' names.

    Returns
    -------
    dict of str to int
        A number for each of `rules`.

    Examples
    --------
    >>> choose({0: (0.1, 0.9), 1: (0.4, 0.4), 2: (0.8, 0.3)}, ["a", "b"])
    {'best a': 0, 'best b': 2, 'knee': 1, 'utility': 1}
    """
    numbers = sorted(losses)
    F = np.array([losses[number] for number in numbers], dtype=float)
    mean = F.mean(axis=1)
    rows = [int(np.lexsort((mean, F[:, column]))[0]) for column in range(len(names))]
    if len(names) > 1:
        rows += [knee(F)[0], int(np.argmin(mean))]
    return {rule: numbers[row] for rule, row in zip(rules(names), rows, strict=True)}


def loss(rule: str, losses: ArrayLike, names: Sequence[str]) -> float:
    """What `rule` makes small, of one merge's `losses` (m,): its own objective's loss, or the mean.

    >>> loss("best b", (0.1, 0.9), ["a", "b"]), loss("knee", (0.1, 0.9), ["a", "b"])
    (0.9, 0.5)
    """
    values = np.asarray(losses, dtype=float)
    if rule in (KNEE, UTILITY):
        return float(values.mean())
    return float(values[names.index(rule.removeprefix("best "))])


def candidates(F: ArrayLike, best: int = CANDIDATES) -> list[int]:
    """Which trials are measured again on the select items: the front, and the best of each objective.

    Parameters
    ----------
    F : array_like, shape (n, m)
        Losses of a search's trials on the search items; a failed trial is a row of NaN.
    best : int
        How many of each objective.

    Returns
    -------
    list of int
        Rows of `F`, ascending; empty when every trial failed.
    """
    losses = np.asarray(F, dtype=float)
    found = set(pareto.front(losses).tolist())
    succeeded = np.flatnonzero(np.isfinite(losses).all(axis=1))
    for column in losses[succeeded].T:
        found |= set(succeeded[np.argsort(column, kind="stable")[:best]].tolist())
    return sorted(found)


def after(
    F: ArrayLike, select: Mapping[int, Sequence[float]], names: Sequence[str]
) -> dict[str, int]:
    """What each rule chooses of a run whose trials on the search items were `F` (n, m).

    `select` has the losses on the select items by trial number, of all `candidates` or more. Empty
    where that is not so: the run is not judged so far.
    """
    ranked = candidates(F)
    if not ranked or any(number not in select for number in ranked):
        return {}
    return choose({number: select[number] for number in ranked}, names)


def counted(F: ArrayLike, select: Mapping[int, Sequence[float]], names: Sequence[str]) -> set[int]:
    """The trials that a run's figures on report items are made of: its front, and what is chosen."""
    return {*pareto.front(F).tolist(), *after(F, select, names).values()}


def knee(F: ArrayLike) -> tuple[int, float]:
    """Index in `F` (n, m) of its front's knee, and how far below the extremes' plane it lies.

    An extreme is the front's least loss in one objective; a plane goes through the m extremes, and
    the knee is the front's point farthest from it towards the ideal: Das (1999), "On characterizing
    the knee of the Pareto curve based on normal-boundary intersection", Structural Optimization 18,
    107-115, with the front's points for his boundary. Which point it is does not depend on the
    objectives' units. For m > 2 the extremes may coincide or span a plane that does not face the
    ideal; then it is the plane on which the losses, each scaled to [0, 1] over the front, add up
    to 1. Of equally distant points the nearest to the ideal counts, then the first; the distance
    is 0 when no point lies below. `F` is finite, n >= 1.
    """
    losses = np.asarray(F, dtype=float)
    rows = pareto.front(losses)
    depth = _depth(losses[rows])
    order = np.lexsort((np.linalg.norm(losses[rows], axis=1), -depth))
    return int(rows[order[0]]), float(depth[order[0]])


def _depth(front: pareto.Losses) -> pareto.Losses:
    """Distance of each row of `front` (n, m) below the plane of its extremes, shape (n,)."""
    low, span = front.min(axis=0), np.ptp(front, axis=0)
    varied = span > 0
    if not varied.any():
        return np.zeros(len(front))
    scaled = (front[:, varied] - low[varied]) / span[varied]
    sums = scaled.sum(axis=1)
    extremes = scaled[[np.lexsort((sums, column))[0] for column in scaled.T]]
    normal = np.ones(scaled.shape[1])
    if np.linalg.matrix_rank(extremes) == len(normal):
        through = np.linalg.solve(extremes, np.ones(len(normal)))  # normal . extreme = 1
        normal = through if (through > 0).all() else normal
    below = 1.0 - scaled @ normal
    # Shares of items lie on a grid, so that points are often equally deep but for rounding.
    below = np.round(below / _ON_THE_PLANE) * _ON_THE_PLANE
    return np.asarray(below / np.linalg.norm(normal / span[varied]))
