"""Fronts and their indicators in loss space: 0 is the ideal, 1 the reference, smaller is better.

Every function takes an array of shape (n, m) and drops rows with NaN or infinity first: moocore
lets such a row dominate finite ones, or not, depending on their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import moocore
import numpy as np
from numpy.typing import ArrayLike, NDArray

Losses = NDArray[np.float64]


def front(F: ArrayLike) -> NDArray[np.intp]:
    """Indices, ascending, of the non-dominated rows of `F` (n, m).

    Of rows with equal losses the first is kept. An empty `F` gives no indices.
    """
    losses = _matrix(F)
    finite = np.flatnonzero(np.isfinite(losses).all(axis=1))
    if finite.size == 0:
        return finite
    if losses.shape[1] == 1:
        return finite[[int(np.argmin(losses[finite, 0]))]]
    keep: NDArray[np.bool_] = np.asarray(moocore.is_nondominated(losses[finite]), dtype=bool)
    return np.compress(keep, finite)


def pessimistic(F: ArrayLike) -> NDArray[np.intp]:
    """Indices, ascending, of the rows of `F` (n, m) that dominate no other row.

    Of models picked on other items and measured anew these are the worst that a user may have taken
    home, as `front` is the best: Feurer et al. 2023, "Mind the Gap" (arXiv 2212.04183).
    """
    return front(-_matrix(F))


def hypervolume(F: ArrayLike) -> float:
    """Share of the unit box [0, 1]^m that the rows of `F` (n, m) dominate, in [0, 1].

    The reference point is 1 in every objective. Losses below 0 count as 0, so that the share never
    exceeds 1; a row with a loss of 1 or more contributes nothing. For m = 1 it is 1 − min loss.
    """
    inside = _inside(_matrix(F))
    if len(inside) == 0:
        return 0.0
    if inside.shape[1] == 1:
        return float(1.0 - inside.min())
    return float(moocore.hypervolume(inside, ref=np.ones(inside.shape[1])))


def anytime_hypervolume(F: ArrayLike) -> Losses:
    """Hypervolume of the first 1, 2, … n rows of `F` (n, m); shape (n,), never decreasing.

    Only the archive of non-dominated rows is kept, and it is measured anew only when a row enters.
    """
    losses = _matrix(F)
    steps = np.zeros(len(losses))
    archive = np.empty((0, losses.shape[1]))
    share = 0.0
    usable = np.isfinite(losses).all(axis=1) & (losses < 1.0).all(axis=1)
    for index in np.flatnonzero(usable):
        entering = np.maximum(losses[index], 0.0)
        if not (archive <= entering).all(axis=1).any():
            archive = np.vstack([archive[~(entering <= archive).all(axis=1)], entering])
            steps[index] = share = max(share, hypervolume(archive))
    return np.maximum.accumulate(steps)


def box_distance(F: ArrayLike) -> Losses:
    """Euclidean distance to the unit box of the nearest of the first 1, 2, … n rows; shape (n,).

    It tells runs apart whose hypervolume is still 0; infinite until a finite row comes.
    """
    losses = _matrix(F)
    usable = np.where(np.isfinite(losses).all(axis=1, keepdims=True), losses, np.inf)
    outside = np.clip(usable - 1.0, 0.0, None)
    return np.minimum.accumulate(np.linalg.norm(outside, axis=1))


def igd_plus(F: ArrayLike, reference: ArrayLike) -> float:
    """IGD+ of the rows of `F` (n, m) to the front `reference` (k, m); 0 where all of it is attained.

    The mean distance from a point of `reference` to what `F` dominates (Ishibuchi et al. 2015), by
    moocore. `ValueError` without a finite row on either side.
    """
    return float(moocore.igd_plus(_finite(F), ref=_finite(reference)))


def epsilon(F: ArrayLike, reference: ArrayLike) -> float:
    """Additive epsilon of the rows of `F` (n, m) to the front `reference` (k, m), by moocore.

    The least that `F` must move in every loss to attain all of `reference` (Zitzler et al. 2003);
    below 0 where it is better throughout. `ValueError` without a finite row on either side.
    """
    return float(moocore.epsilon_additive(_finite(F), ref=_finite(reference)))


def attainment(fronts: Sequence[ArrayLike], share: float = 0.5) -> Losses:
    """Corners, shape (k, 2), of the surface attained by `share` in (0, 1] of the given fronts.

    Each front has shape (n_i, 2). Sorted by the first loss; the empirical attainment function of
    Grunert da Fonseca, Fonseca and Hall (2001), as moocore computes it. Fronts without a finite
    row attain nothing; when too few fronts are left the surface is empty.
    """
    finite = [losses[np.isfinite(losses).all(axis=1)] for losses in map(_matrix, fronts)]
    filled = [losses for losses in finite if len(losses)]
    needed = int(np.ceil(share * len(finite) - 1e-9))
    if not filled or needed > len(filled):
        return np.empty((0, 2))
    sets = np.concatenate([np.full(len(losses), i) for i, losses in enumerate(filled)])
    level = 100.0 * needed / len(filled)
    surface: Any = moocore.eaf(np.concatenate(filled), sets=sets, percentiles=[level])
    corners = np.asarray(surface, dtype=float)[:, :2]
    return corners[np.argsort(corners[:, 0], kind="stable")]


def attainment_difference(a: Sequence[ArrayLike], b: Sequence[ArrayLike]) -> Losses:
    """Where fronts `a` attain more often than fronts `b`: rectangles, shape (k, 5), by moocore.

    A row is (least x, least y, greatest x, greatest y, share of `a` minus share of `b`); the greatest
    may be infinite, and what is in no rectangle is attained by neither. As many fronts on both
    sides, each of shape (n_i, 2), or `ValueError`; one without a finite row attains nothing.
    """
    if len(a) != len(b) or not len(a):
        raise ValueError(f"{len(a)} fronts against {len(b)}; wanted as many, one or more")
    sides = [
        [losses[np.isfinite(losses).all(axis=1)] for losses in map(_matrix, s)] for s in (a, b)
    ]
    points = np.concatenate([*sides[0], *sides[1]])
    if not len(points):
        return np.empty((0, 5))
    beyond = (
        points.max(axis=0, keepdims=True) + 1.0
    )  # stands for an empty front, which has to count
    marked = [
        np.concatenate([np.column_stack([f, np.full(len(f), i)]) for i, f in enumerate(filled)])
        for filled in ([f if len(f) else beyond for f in side] for side in sides)
    ]
    found = np.asarray(moocore.eafdiff(*marked, rectangles=True), dtype=float)
    kept = found[(found[:, 4] != 0) & (found[:, :2] < beyond).all(axis=1)]
    corners = np.where(kept[:, 2:4] >= beyond, np.inf, kept[:, 2:4])
    return np.column_stack([kept[:, :2], corners, kept[:, 4] / len(a)])


def _matrix(F: ArrayLike) -> Losses:
    losses = np.asarray(F, dtype=float)
    if losses.ndim != 2 or losses.shape[1] == 0:
        raise ValueError(f"losses have shape {losses.shape}, wanted (n, m) with m of at least 1")
    return losses


def _finite(F: ArrayLike) -> Losses:
    losses = _matrix(F)
    found = losses[np.isfinite(losses).all(axis=1)]
    if not len(found):
        raise ValueError("no finite row to measure a distance from")
    return found


def _inside(losses: Losses) -> Losses:
    """The rows that reach into the unit box, losses below 0 raised to 0."""
    usable = np.isfinite(losses).all(axis=1) & (losses < 1.0).all(axis=1)
    return np.clip(losses[usable], 0.0, None)
