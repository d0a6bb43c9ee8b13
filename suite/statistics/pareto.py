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
    """Find the non-dominated rows.

    Parameters
    ----------
    F : array_like, shape (n, m)
        Losses; n may be 0.

    Returns
    -------
    ndarray of int
        Rows, ascending; of rows with equal losses the first. None for an empty `F`.

    Raises
    ------
    ValueError
        When `F` is not (n, m) with m of at least 1.

    Examples
    --------
    >>> front([[0.1, 0.9], [0.5, 0.5], [0.6, 0.6], [float("nan"), 0.0]]).tolist()
    [0, 1]
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
    """Find the rows that dominate no other row.

    Of models picked on other items and measured anew these are the worst that a user may have taken
    home, as `front` is the best: Feurer et al. 2023, "Mind the Gap" (arXiv 2212.04183).

    Parameters
    ----------
    F : array_like, shape (n, m)
        Losses; n may be 0.

    Returns
    -------
    ndarray of int
        Rows, ascending; of rows with equal losses the first.

    Raises
    ------
    ValueError
        When `F` is not (n, m) with m of at least 1.

    Examples
    --------
    >>> pessimistic([[0.1, 0.9], [0.5, 0.5], [0.6, 0.6]]).tolist()
    [0, 2]
    """
    return front(-_matrix(F))


def hypervolume(F: ArrayLike) -> float:
    """Compute the share of the unit box [0, 1]^m that the rows dominate, by moocore.

    The reference point is 1 in every objective (Zitzler & Thiele 1998). Losses below 0 count as 0, so
    that the share never exceeds 1; a row with a loss of 1 or more contributes nothing. For m = 1 it is
    1 − min loss.

    Parameters
    ----------
    F : array_like, shape (n, m)
        Losses; n may be 0.

    Returns
    -------
    float
        In [0, 1], larger is better.

    Raises
    ------
    ValueError
        When `F` is not (n, m) with m of at least 1.

    Examples
    --------
    >>> hypervolume([[0.5, 0.5]]), hypervolume([[0.0, 0.5], [0.5, 0.0]]), hypervolume([[1.0, 0.0]])
    (0.25, 0.75, 0.0)
    """
    inside = _inside(_matrix(F))
    if len(inside) == 0:
        return 0.0
    if inside.shape[1] == 1:
        return float(1.0 - inside.min())
    return float(moocore.hypervolume(inside, ref=np.ones(inside.shape[1])))


def anytime_hypervolume(F: ArrayLike) -> Losses:
    """Compute the hypervolume of the first 1, 2, … n rows.

    Only the archive of non-dominated rows is kept, and it is measured anew only when a row enters.

    Parameters
    ----------
    F : array_like, shape (n, m)
        Losses in the order in which they were found.

    Returns
    -------
    ndarray, shape (n,)
        In [0, 1], never decreasing.

    Raises
    ------
    ValueError
        When `F` is not (n, m) with m of at least 1.

    Examples
    --------
    >>> anytime_hypervolume([[0.5, 0.5], [2.0, 2.0], [0.0, 0.5]]).tolist()
    [0.25, 0.25, 0.5]
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
    """Compute how far the nearest of the first 1, 2, … n rows is from the unit box.

    It tells runs apart whose hypervolume is still 0.

    Parameters
    ----------
    F : array_like, shape (n, m)
        Losses in the order in which they were found.

    Returns
    -------
    ndarray, shape (n,)
        Euclidean distance in losses, 0 or more, never increasing; infinite until a finite row comes.

    Raises
    ------
    ValueError
        When `F` is not (n, m) with m of at least 1.

    Examples
    --------
    >>> box_distance([[4.0, 5.0], [1.5, 0.0], [0.5, 0.5]]).tolist()
    [5.0, 0.5, 0.0]
    """
    losses = _matrix(F)
    usable = np.where(np.isfinite(losses).all(axis=1, keepdims=True), losses, np.inf)
    outside = np.clip(usable - 1.0, 0.0, None)
    return np.minimum.accumulate(np.linalg.norm(outside, axis=1))


def igd_plus(F: ArrayLike, reference: ArrayLike) -> float:
    """Compute IGD+ to a reference front, by moocore: 0 where all of it is attained.

    The mean distance from a point of `reference` to what `F` dominates (Ishibuchi et al. 2015,
    "Modified distance calculation in generational distance and inverted generational distance").

    Parameters
    ----------
    F : array_like, shape (n, m)
        Losses.
    reference : array_like, shape (k, m)
        Losses of the front to measure against.

    Returns
    -------
    float
        In losses, 0 or more, smaller is better.

    Raises
    ------
    ValueError
        Without a finite row on either side.

    Examples
    --------
    >>> igd_plus([[0.5, 0.5]], [[0.0, 0.5], [0.5, 0.0]])
    0.5
    """
    return float(moocore.igd_plus(_finite(F), ref=_finite(reference)))


def epsilon(F: ArrayLike, reference: ArrayLike) -> float:
    """Compute the additive epsilon indicator to a reference front, by moocore.

    The least that `F` must move in every loss to attain all of `reference` (Zitzler et al. 2003,
    "Performance assessment of multiobjective optimizers"); below 0 where it is better throughout.

    Parameters
    ----------
    F : array_like, shape (n, m)
        Losses.
    reference : array_like, shape (k, m)
        Losses of the front to measure against.

    Returns
    -------
    float
        In losses, smaller is better.

    Raises
    ------
    ValueError
        Without a finite row on either side.

    Examples
    --------
    >>> epsilon([[0.5, 0.5]], [[0.0, 0.5], [0.25, 0.25]])
    0.5
    """
    return float(moocore.epsilon_additive(_finite(F), ref=_finite(reference)))


def attainment(fronts: Sequence[ArrayLike], share: float = 0.5) -> Losses:
    """Compute the surface that a share of the given fronts attains.

    The empirical attainment function of Grunert da Fonseca, Fonseca & Hall (2001), "Inferential
    performance assessment of stochastic optimisers and the attainment function", by moocore.

    Parameters
    ----------
    fronts : sequence of array_like, shapes (n_i, 2)
        One per run. Fronts without a finite row attain nothing.
    share : float
        In (0, 1]: of all fronts, rounded up to whole ones.

    Returns
    -------
    ndarray, shape (k, 2)
        The surface's corners, sorted by the first loss; empty when too few fronts attain anything.

    Raises
    ------
    ValueError
        When a front is not (n, m) with m of at least 1.

    Examples
    --------
    >>> attainment([[[0.2, 0.6]], [[0.4, 0.3]]], share=1.0).tolist()
    [[0.4, 0.6]]
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
    """Find where fronts `a` attain more often than fronts `b`, as rectangles, by moocore.

    The differences of empirical attainment functions of López-Ibáñez, Paquete & Stützle (2010),
    "Exploratory analysis of stochastic local search algorithms in biobjective optimization".

    Parameters
    ----------
    a, b : sequence of array_like, shapes (n_i, 2)
        As many fronts on both sides, one or more; one without a finite row attains nothing.

    Returns
    -------
    ndarray, shape (k, 5)
        A row is (least x, least y, greatest x, greatest y, share of `a` minus share of `b`), the share in
        [−1, 1] and not 0; the greatest may be infinite. What is in no rectangle both attain equally often.

    Raises
    ------
    ValueError
        For unequal numbers of fronts, or none.

    Examples
    --------
    >>> attainment_difference([[[0.2, 0.6]]], [[[0.2, 0.8]]]).tolist()
    [[0.2, 0.6, inf, 0.8, 1.0]]
    >>> attainment_difference([[[0.2, 0.6]]], [[[0.2, 0.6]]]).shape
    (0, 5)
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
    try:
        rectangles = np.asarray(moocore.eafdiff(*marked, rectangles=True), dtype=float)
    except ValueError:  # moocore 0.3 cannot shape an answer of no rectangle
        if not _attained_alike(a, b):
            raise
        return np.empty((0, 5))
    kept = rectangles[(rectangles[:, 4] != 0) & (rectangles[:, :2] < beyond).all(axis=1)]
    corners = np.where(kept[:, 2:4] >= beyond, np.inf, kept[:, 2:4])
    return np.column_stack([kept[:, :2], corners, kept[:, 4] / len(a)])


def _attained_alike(a: Sequence[ArrayLike], b: Sequence[ArrayLike]) -> bool:
    """Whether as many fronts `a` as fronts `b` attain each point: all surfaces are the same."""
    shares = [(k + 1) / len(a) for k in range(len(a))]
    return all(np.array_equal(attainment(a, share), attainment(b, share)) for share in shares)


def _matrix(F: ArrayLike) -> Losses:
    losses = np.asarray(F, dtype=float)
    if losses.ndim != 2 or losses.shape[1] == 0:
        raise ValueError(f"losses have shape {losses.shape}, wanted (n, m) with m of at least 1")
    return losses


def _finite(F: ArrayLike) -> Losses:
    losses = _matrix(F)
    rows = losses[np.isfinite(losses).all(axis=1)]
    if not len(rows):
        raise ValueError("no finite row to measure a distance from")
    return rows


def _inside(losses: Losses) -> Losses:
    """Keep the rows that reach into the unit box, losses below 0 raised to 0."""
    usable = np.isfinite(losses).all(axis=1) & (losses < 1.0).all(axis=1)
    return np.clip(losses[usable], 0.0, None)
