"""Which merges a run is asked for, and which of them it chose, by three rules (docs/protocol.md)."""

from __future__ import annotations

import numpy as np

from tests.independent.indicators import front
from tests.independent.journals import Array


def candidates(losses: Array, best: int = 10) -> list[int]:
    """The front of the trials, and the `best` by each objective; failed trials are rows of nan.

    Of equal losses the earlier trial comes first.
    """
    alive = np.flatnonzero(~np.isnan(losses).any(axis=1))
    found = set(front(losses))
    for column in losses.T:
        found |= {int(k) for k in alive[np.argsort(column[alive], kind="stable")][:best]}
    return sorted(found)


def choose(losses: dict[int, list[float]], names: list[str]) -> dict[str, int]:
    """By rule the number of the merge that is best by its losses on the select items.

    Equals: the least mean loss, then the least number.
    """
    mean = {n: float(np.mean(row)) for n, row in losses.items()}
    rules = {
        f"best {name}": min(losses, key=lambda n: (losses[n][k], mean[n], n))
        for k, name in enumerate(names)
    }
    if len(names) > 1:
        rules["knee"] = knee(losses)
        rules["utility"] = min(losses, key=lambda n: (mean[n], n))
    return rules


def knee(losses: dict[int, list[float]]) -> int:
    """The point of the front farthest below the plane through the front's extremes (Das 1999)."""
    numbers = sorted(losses)
    table = np.array([losses[n] for n in numbers])
    kept = front(table)
    F = table[kept]
    span = F.max(axis=0) - F.min(axis=0)
    if (span == 0).any():
        return numbers[kept[_least_mean(F)]]
    scaled = (F - F.min(axis=0)) / span
    extremes = np.array([scaled[_least(scaled, k)] for k in range(F.shape[1])])
    try:
        normal = np.linalg.solve(extremes, np.ones(F.shape[1]))  # the plane is normal · f = 1
    except np.linalg.LinAlgError:
        return numbers[kept[_least_mean(scaled)]]
    if not (normal > 0).all():
        return numbers[kept[_least_mean(scaled)]]
    return numbers[kept[int(np.argmax(np.round(1 - scaled @ normal, 12)))]]


def _least(F: Array, k: int) -> int:
    """The extreme of objective k: of equals the one with the least other losses."""
    return min(range(len(F)), key=lambda n: (F[n, k], F[n].sum(), n))


def _least_mean(F: Array) -> int:
    return int(np.argmin(np.round(F.mean(axis=1), 12)))
