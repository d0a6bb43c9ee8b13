"""Merge methods as formulas over columns: what each needs to know of a tensor, and its coefficients.

Notation: b the base, m_i the K models, d_i = m_i − b the task vectors, w_i the weights. A column
holds one row per tensor, so that a whole model is planned in a few array operations: (S,) for
what a tensor has once, (S, K) for what it has per model. Semantics are those of mergekit 0.1.5,
where it leaves something open of the papers. Masks and elections are element by element: `eager`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.float64]
PARALLEL = 0.9995  # |cosine| beyond which SLERP is a straight line, as in mergekit
SILENT = 1e-7  # L1 norms below it are not rescaled, as in mergekit


def linear(weight: Column, normalize: NDArray[Any]) -> Column:
    """Coefficients (S, K) of Σ w_i m_i / Σ w_i (model soups, Wortsman et al. 2022); NaN if Σ w_i = 0.

    `normalize` (S,) leaves the division out where false.
    """
    total = weight.sum(1)
    total[total == 0] = np.nan
    return weight / np.where(normalize, total, 1.0)[:, None]


def _arc(cosine: Column, t: Column, straight: NDArray[Any]) -> Column:
    """(sin((1−t)θ), sin(tθ)) / sin θ, and (1−t, t) where `straight`; (S, 2)."""
    theta = np.arccos(np.where(straight, 0.0, cosine))
    arc = np.stack([np.sin((1 - t) * theta), np.sin(t * theta)], 1) / np.sin(theta)[:, None]
    return np.where(straight[:, None], np.stack([1 - t, t], 1), arc)


def slerp(cosine: Column, t: Column) -> Column:
    """Coefficients (S, 2) of two models on the arc between them (Shoemake 1985, p. 247).

    θ is the angle of the whole tensors, which are not normalised; almost parallel or opposite
    tensors are interpolated linearly. t = 0 is the base.
    """
    return _arc(cosine, t, np.abs(cosine) > PARALLEL)


def nuslerp(cosine: Column, weight: Column) -> Column:
    """SLERP of m_1 and m_2, or of d_1 and d_2 when there is a base, at t = w_2 / (w_1 + w_2).

    Linear only where 1 − cos² ≤ 1e-16; t = 1/2 where the weights cancel (mergekit's NuSLERP).
    """
    total = weight.sum(1)
    cancel = np.abs(total) < 1e-6
    t = np.where(cancel, 0.5, weight[:, 1] / np.where(cancel, 1.0, total))
    return _arc(cosine, t, 1 - cosine**2 <= 1e-16)


def task_arithmetic(weight: Column, scale: Column, normalize: NDArray[Any]) -> Column:
    """Coefficients λ w_i of b + λ Σ w_i d_i (Ilharco et al. 2023), / Σ w_i where normalised.

    A sum within 1e-8 of 0 counts as 1.
    """
    total = weight.sum(1)
    total = np.where(normalize & (np.abs(total) >= 1e-8), total, 1.0)
    return weight * (scale / total)[:, None]


def model_stock(gram: Column) -> Column:
    """Coefficients t / K of b + t (mean m − b), t = K c / (1 + (K−1) c) (Jang et al. 2024, eq. 5).

    `gram` (S, K, K) are the inner products of the d_i, c the mean cosine of their pairs. Where
    1 + (K−1) c vanishes the base is kept.
    """
    count = gram.shape[1]
    norms = np.sqrt(np.diagonal(gram, axis1=1, axis2=2))
    left, right = np.triu_indices(count, 1)
    products = np.maximum(norms[:, left] * norms[:, right], 1e-6)
    c = np.clip(gram[:, left, right] / products, -1, 1).mean(1)
    denominator = 1 + (count - 1) * c
    singular = np.abs(denominator) < 1e-6
    t = np.where(singular, 0.0, count * c / np.where(singular, 1.0, denominator))
    return np.repeat(t[:, None] / count, count, axis=1)


def karcher(gram: Column, max_iter: int, tol: float) -> Column:
    """Coefficients (S, K) of the Karcher mean of the m_i / |m_i| on the sphere, times the mean norm.

    The mean m satisfies Σ log_m(u_i) = 0 and is found by steps along the sum of the logarithms
    (Grove and Karcher 1973). Each iterate is a combination of the u_i, so that inner products
    `gram` (S, K, K) are all it takes, whatever the tensors' size. Vectors of norm up to `tol`
    have no direction and count in the mean norm only.
    """
    norms = np.sqrt(np.diagonal(gram, axis1=1, axis2=2))
    return np.stack(
        [_karcher(g, n, max_iter, tol) for g, n in zip(gram, norms, strict=True)]
    ).reshape(norms.shape)


def _karcher(gram: Column, norms: Column, max_iter: int, tol: float) -> Column:
    if len(norms) == 1:
        return np.ones(1)
    directed = norms > tol
    if not directed.any():
        return np.zeros(len(norms))
    lengths = np.where(directed, norms, 1.0)
    unit = gram / np.outer(lengths, lengths)  # inner products of the u_i
    share = directed / directed.sum()

    def length(c: Column) -> float:
        return float(np.sqrt(max(c @ unit @ c, 0.0)))

    first = np.eye(len(norms))[np.argmax(directed)]
    mean = share / length(share) if length(share) >= tol else first
    for _ in range(max_iter):
        dots = np.clip(unit @ mean, -1, 1)
        angles = np.arccos(dots)
        pull = np.where(
            directed & (angles >= tol), share * angles / np.maximum(np.sin(angles), 1e-300), 0.0
        )
        tangent = pull - (pull @ dots) * mean
        step = length(tangent)
        if step < tol:
            break
        mean = np.cos(step) * mean + np.sin(step) * tangent / step
        mean = mean / length(mean) if length(mean) > tol else mean
    coefficients: Column = np.where(directed, mean / lengths, 0.0) * norms.mean()
    return coefficients


def sce(squares: Column) -> Column:
    """Weights (S, K) of SCE (Wan et al. 2024, eq. 4): each model's share of Σ d_i².

    `squares` are the means of d_i² over the tensor after the selection; where their sum is below
    1e-6 all models weigh the same, as in mergekit.
    """
    total = squares.sum(1, keepdims=True)
    silent = total < 1e-6
    return np.where(silent, 1 / squares.shape[1], squares / np.where(silent, 1.0, total))


def ties_kept(density: Column, sizes: NDArray[Any]) -> NDArray[np.int64]:
    """Elements that TIES' trim leaves (Yadav et al. 2023): max(1, ⌊density n⌋), none at density 0."""
    kept = np.maximum(np.floor(density * sizes), 1)
    return np.where(density <= 0, 0, np.where(density >= 1, sizes, kept)).astype(np.int64)


def breadcrumbs_kept(
    density: Column, gamma: Column, sizes: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The window [first, stop) of ascending ranks that stays (Davari and Belilovsky 2024).

    The largest ⌊γ n⌋ and as many of the smallest go that ⌊density n⌋ stay; fewer of the largest
    where that many could not stay otherwise.
    """
    stay = np.floor(density * sizes)
    first = np.maximum(sizes - stay - np.floor(gamma * sizes), 0)
    whole = density >= 1
    first = np.where(whole, 0, first)
    return first.astype(np.int64), (first + np.where(whole, sizes, stay)).astype(np.int64)


def della_chances(density: Column, epsilon: Column, row: NDArray[Any]) -> tuple[Column, Column]:
    """Chance of staying, lowest and per rank, for rows of `row` elements (Deep et al. 2024, eq. 3).

    density − ε + 2ε rank / (row − 1), rank 0 for the smallest |d| of its row. All stay at density
    1, none at 0; a row of one element stays with chance density.
    """
    steps = np.maximum(row - 1, 1)
    alone = row <= 1
    lowest, slope = density - np.where(alone, 0, epsilon), np.where(alone, 0, 2 * epsilon / steps)
    sure = (density >= 1) | (density <= 0)
    return np.where(sure, np.where(density >= 1, 2.0, -1.0), lowest), np.where(sure, 0.0, slope)


def rescaled(weight: Column, whole: Column, kept: Column) -> Column:
    """w_i ‖d_i‖₁ / ‖kept d_i‖₁; unchanged where a norm is below 1e-7 (mergekit since 2025-02)."""
    loud = (whole >= SILENT) & (kept >= SILENT)
    return weight * np.where(loud, whole / np.where(loud, kept, 1.0), 1.0)
