"""Indicators of fronts, from their definitions: losses are minimised, the box is [0, 1]^m.

Losses below 0 count as 0, so that nothing beyond the ideal is paid; the reference point is 1.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from tests.independent.journals import Array


def front(losses: Array) -> list[int]:
    """Rows that no other row dominates, failed ones (nan) left out; of equal rows all."""
    alive = np.flatnonzero(~np.isnan(losses).any(axis=1))
    rows = losses[alive]
    least, less = (
        (rows[:, None] <= rows[None]).all(axis=2),
        (rows[:, None] < rows[None]).any(axis=2),
    )
    return [int(k) for k in alive[~(least & less).any(axis=0)]]


def hypervolume(losses: Array) -> float:
    """Share of the unit box that the rows dominate, two or three losses."""
    inside = np.maximum(losses[~np.isnan(losses).any(axis=1)], 0.0)
    inside = inside[(inside < 1).all(axis=1)]
    if not len(inside):
        return 0.0
    return _area(inside) if inside.shape[1] == 2 else _volume(inside)


def _area(points: Array) -> float:
    """By a staircase from the least first loss on."""
    area, height = 0.0, 1.0
    for first, second in sorted(map(tuple, points)):
        if second < height:
            area += (1 - first) * (height - second)
            height = second
    return area


def _volume(points: Array) -> float:
    """By slices between one third loss and the next: each as thick as the step, of the area below."""
    points = points[np.argsort(points[:, 2], kind="stable")]
    tops = np.append(points[1:, 2], 1.0)
    volume = 0.0
    for k, top in enumerate(tops):
        thick = top - points[k, 2]
        if thick > 0:
            volume += thick * _area(points[: k + 1, :2])
    return volume


def exact_hypervolume(losses: list[list[Fraction]]) -> Fraction:
    """The same by inclusion and exclusion in rational numbers: for a handful of points, as a check."""
    total = Fraction(0)
    for subset in range(1, 1 << len(losses)):
        chosen = [row for k, row in enumerate(losses) if subset >> k & 1]
        corner = [max(column) for column in zip(*chosen, strict=True)]
        box = math.prod(
            (max(1 - max(c, Fraction(0)), Fraction(0)) for c in corner), start=Fraction(1)
        )
        total += box if len(chosen) % 2 else -box
    return total


def anytime(losses: Array) -> Array:
    """Hypervolume of the first 1, 2, … trials (n,); failed trials are rows of nan."""
    kept, best, curve = np.empty((0, losses.shape[1])), 0.0, []
    for row in losses:
        if not np.isnan(row).any() and not (kept <= row).all(axis=1).any():
            kept = np.vstack([kept[~(kept >= row).all(axis=1)], row])
            best = hypervolume(kept)
        curve.append(best)
    return np.array(curve)


def reached(curve: Array, target: float) -> float:
    """Evaluations until the hypervolume is at `target`, inf if never."""
    there = np.flatnonzero(curve >= target)
    return float(there[0] + 1) if there.size else math.inf


def igd_plus(losses: Array, reference: Array) -> float:
    """Mean over the reference front of the shortest excess (Ishibuchi et al. 2015, equation 18)."""
    worse = np.maximum(losses[None] - reference[:, None], 0.0)
    return float(np.sqrt((worse**2).sum(axis=2)).min(axis=1).mean())


def epsilon(losses: Array, reference: Array) -> float:
    """Additive epsilon: the least shift after which the front covers the reference front."""
    return float((losses[None] - reference[:, None]).max(axis=2).min(axis=1).max())
