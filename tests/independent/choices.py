"""Which merges a run is asked for, and which of them it chose, by three rules (docs/protocol.md)."""

from __future__ import annotations

import math

import numpy as np

from tests.independent.indicators import front
from tests.independent.journals import Array


def candidates(losses: Array, best: int = 10) -> list[int]:
    """The front of the trials, and the `best` by each objective; failed trials are rows of nan.

    Of equal losses the earlier trial comes first, and alone stands for them on the front.
    """
    alive = np.flatnonzero(~np.isnan(losses).any(axis=1))
    found = set({tuple(losses[n]): n for n in reversed(front(losses))}.values())
    for column in losses.T:
        found |= {int(k) for k in alive[np.argsort(column[alive], kind="stable")][:best]}
    return sorted(found)


def choose(losses: dict[int, list[float]], names: list[str]) -> dict[str, int]:
    """By rule the number of the merge that is best by its losses on the select items.

    Equals: the least mean loss, then the least number.
    """
    mean = {n: math.fsum(row) / len(row) for n, row in losses.items()}
    rules = {
        f"best {name}": min(losses, key=lambda n: (losses[n][k], mean[n], n))
        for k, name in enumerate(names)
    }
    if len(names) > 1:
        rules["knee"] = knee(losses)
        rules["utility"] = min(losses, key=lambda n: (mean[n], n))
    return rules


def knee(losses: dict[int, list[float]]) -> int:
    """The point of the front farthest below the plane through the front's extremes (Das 1999).

    Where these span no plane that faces the ideal, the plane that leaves each axis at the front's worst
    loss. Where no point lies below the line of two losses, the extreme that is nearest to the ideal.
    """
    numbers = sorted(losses)
    table = np.array([losses[n] for n in numbers])
    kept = front(table)
    F = table[kept]
    span = np.ptp(F, axis=0)
    scaled = (F - F.min(axis=0)) / np.where(span > 0, span, 1.0)
    ends = [_extreme(F, k) for k in range(F.shape[1])]
    normal = _normal(scaled[ends]) if len(set(ends)) == len(ends) else np.zeros(len(ends))
    if not (normal > 0).all():
        return numbers[kept[int(np.round(scaled.sum(axis=1), 12).argmin())]]
    below = np.round((scaled[ends[0]] - scaled) @ normal, 10)
    deepest = np.flatnonzero(below == below.max()).tolist() if below.max() > 0 else ends
    return numbers[kept[min(deepest, key=lambda n: (float((F[n] ** 2).sum()), n))]]


def _normal(points: Array) -> Array:
    """The normal of the line or plane through two or three points, away from the origin."""
    edges = points[1:] - points[0]
    normal = np.array([-edges[0, 1], edges[0, 0]]) if len(points) == 2 else np.cross(*edges)
    length = float(np.linalg.norm(normal))
    return normal * (np.sign(normal.sum()) or 1.0) / (length or 1.0)


def _extreme(F: Array, k: int) -> int:
    """The extreme of objective k: of equals the one with the least other losses."""
    return min(range(len(F)), key=lambda n: (F[n, k], F[n].sum(), n))
