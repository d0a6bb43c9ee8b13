"""Optimism: how much better the best of many candidates looks on the items it was chosen on."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

SPLITS = 200


def optimism(
    outcomes: ArrayLike, rng: np.random.Generator | None = None, splits: int = SPLITS
) -> float:
    """Estimate the optimism of choosing on half of the items, from random halves of one journal.

    In each split the candidate with the best mean on one half is chosen, and its mean on that half
    minus its mean on the other is averaged over both directions, so that what one half is easier by
    cancels. Candidates that are equally good on a half are averaged. Another set of items is not
    needed, so that its difficulty does not enter.

    The figure is that of choosing on n/2 items. Over all n the noise of a mean is 1/√2 of it, and
    so is the optimism where candidates differ by little more than noise; where they differ by much
    more it goes with the variance, so that the factor is between 1/2 and 1/√2.

    Parameters
    ----------
    outcomes : array_like, shape (k, n)
        Outcomes of k candidates on the same n items, larger is better, in natural units.
    rng : numpy.random.Generator, optional
        Draws the halves; left out, one with a fixed seed.
    splits : int
        Number of random halves.

    Returns
    -------
    float
        In the unit of the outcomes; NaN for no candidate, or fewer than two items.

    Examples
    --------
    >>> optimism([[1, 1, 1, 1], [0, 0, 0, 0]])
    0.0
    """
    table = np.asarray(outcomes, dtype=float)
    if table.ndim != 2 or table.shape[0] < 1 or table.shape[1] < 2:
        return math.nan
    rng = np.random.default_rng(0) if rng is None else rng
    n = table.shape[1]
    chosen = np.argsort(rng.random((splits, n)), axis=1) < n // 2
    total = table.sum(axis=1, keepdims=True)
    first = table @ chosen.T.astype(float)  # (k, splits)
    size = n // 2
    halves = first / size, (total - first) / (n - size)
    return float(np.mean([_gain(halves[0], halves[1]), _gain(halves[1], halves[0])]))


def _gain(seen: np.ndarray, other: np.ndarray) -> float:
    best = np.isclose(seen, seen.max(axis=0), rtol=0, atol=1e-12)
    return float((((seen - other) * best).sum(axis=0) / best.sum(axis=0)).mean())
