"""Several losses as one: weight vectors and the augmented Chebyshev scalarisation.

Steuer & Choo 1983 in the form of Knowles 2006 (ParEGO, IEEE TEC 10(1), eq. 2):
``max_i w_i f_i + rho sum_i w_i f_i`` of the losses, whose ideal is 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from suite.errors import BadInput
from suite.optimizers.optimizer import check_option
from suite.spaces.space import Vector


def augmented_chebyshev(losses: Vector, weights: Vector, rho: float) -> Vector:
    """One value a row of `losses`, shape (k, m), by one weight vector (m,)."""
    weighted = losses * weights
    return np.asarray(weighted.max(axis=1) + rho * weighted.sum(axis=1))


def weight_vectors(optimizer: str, m: int, count: int, weights: Sequence[Any] | None) -> Vector:
    """`weights` if given, else `count` evenly spread ones; shape (K, m), rows summing to 1."""
    if weights is None:
        return even_weights(optimizer, m, count)
    return given_weights(optimizer, m, weights)


def even_weights(optimizer: str, m: int, count: int) -> Vector:
    """`count` weight vectors, shape (count, m), rows summing to 1: a Das-Dennis lattice moved half a
    cell inwards, so that for few vectors none is spent on a single objective alone.

    Das & Dennis 1998, SIAM J. Optim. 8(3). For two objectives and K vectors: ``(i + 1/2) / K``. The
    lattice exists for counts ``C(H + m − 1, m − 1)`` only (any for m = 2; 1, 3, 6, 10 … for m = 3).
    """
    check_option(optimizer, "strategies", count, 1)
    if count == 1 or m == 1:
        return np.full((1, m), 1 / m)
    sizes = [math.comb(partitions + m - 1, m - 1) for partitions in range(count)]
    if count not in sizes:
        allowed = ", ".join(str(size) for size in sizes[:4])
        raise BadInput(
            f"optimizer {optimizer}: {count} strategies cannot be spread evenly over {m}"
            f" objectives, allowed: {allowed} …"
        )
    from pymoo.util.ref_dirs import get_reference_directions

    partitions = sizes.index(count)
    inwards = partitions / (partitions + 1)
    lattice = get_reference_directions("das-dennis", m, n_partitions=partitions, scaling=inwards)
    return np.asarray(lattice, dtype=np.float64)


def given_weights(optimizer: str, m: int, weights: Sequence[Any]) -> Vector:
    """Weight vectors, shape (K, m), scaled to sum 1 a row; `BadInput` for negative or all-zero ones."""
    rows = np.array(weights, dtype=np.float64, ndmin=2)
    if rows.ndim != 2 or rows.shape[1] != m or not len(rows):
        raise BadInput(
            f"optimizer {optimizer}: weights of shape {np.shape(weights)}, allowed: (K, {m})"
        )
    if not (np.isfinite(rows) & (rows >= 0)).all() or not rows.any(axis=1).all():
        raise BadInput(
            f"optimizer {optimizer}: weights must be non-negative, with one positive a vector"
        )
    return np.asarray(rows / rows.sum(axis=1, keepdims=True))
