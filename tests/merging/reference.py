"""What a recipe makes of one tensor, by the formulas in float64; selections and SCE."""

from __future__ import annotations

from typing import Any

import numpy as np

from suite.recipes.recipe import Recipe
from tests.merging import angles
from tests.merging.formulas import (
    EPS,
    Array,
    Expected,
    Reader,
    elections,
    flat,
    masked,
    task_vectors,
    weighted_sum,
)
from tests.merging.making import Weights


def variances(vectors: Array) -> Array:
    """Of each element over the models, in float32 and term by term."""
    narrow = vectors.astype(np.float32)
    away = np.zeros_like(narrow[0])
    for vector in narrow[1:]:
        away = away + (vector - narrow[0])
    mean = narrow[0] + away / np.float32(len(narrow))
    total = np.zeros_like(mean)
    for vector in narrow:
        total = total + (vector - mean) * (vector - mean)
    return total / np.float32(len(narrow))


def most_varied(vectors: Array, share: float) -> Array:
    """SCE's selection: ⌊share · nonzero⌋ elements of the largest variance, equal ones by index."""
    found = variances(vectors)
    count = int(np.float32(np.count_nonzero(found)) * np.float32(share)) if share < 1 else None
    chosen = np.zeros(found.size, dtype=bool)
    chosen[np.argsort(-found, kind="stable")[:count]] = True
    return chosen


def sce(vectors: Array, base: Array, chosen: Array) -> Expected:
    """Wan et al. 2024 with a given selection; models weigh the same where Σ mean d² < 1e-6."""
    kept = vectors * chosen
    squares = (kept**2).mean(1)
    total, equal = squares.sum(), np.full(len(kept), 1 / len(kept))
    weights = []
    if total >= 1e-6 * (1 - 16 * EPS):
        weights.append(squares / total)
    if total < 1e-6 * (1 + 16 * EPS):
        weights.append(equal)
    expected = Expected()
    sign, either = elections(kept, 0.0)
    for shares in weights:
        for agree, allowed in ((kept * sign > 0, True), (kept * -sign > 0, either)):
            divisor = np.maximum((shares[:, None] * agree).sum(0), 1e-6)
            value = (shares[:, None] * kept * agree).sum(0) / divisor
            size = (shares[:, None] * np.abs(kept) * agree).sum(0) / divisor
            bound = (len(kept) + 20) * EPS * size + 2 * EPS * (np.abs(base) + size)
            expected.add(base + value, bound, allowed)
    return expected


def expected(
    recipe: Recipe,
    models: dict[str, Weights],
    tensor: str,
    layers: int,
    doubt: float = angles.SURE,
    chosen: Array | None = None,
) -> Expected:
    """Allowed results of `recipe` on `tensor`, flat, with the bounds of float32 arithmetic.

    `chosen` stands for the masks: where a trim (K, n) or SCE (n,) leaves the vectors.
    `doubt` is the uncertainty of cosines: `angles.SURE` where they are taken in float64, as ours
    are of whole tensors.
    """
    read, method = Reader(recipe, tensor, layers), recipe.method_on(tensor)
    shape = tuple(next(iter(models.values()))[tensor].shape)
    narrow = np.array([flat(models[i.model], tensor) for i in recipe.inputs])
    stack: Any = narrow.astype(float)
    if method in ("linear", "passthrough"):
        return _sum(read, stack, "weight" if method == "linear" else "scale")
    if method == "karcher":
        return angles.karcher(read, stack)
    if method == "slerp":
        return angles.slerp(
            read, stack if recipe.inputs[0].model == recipe.base else stack[::-1], doubt
        )
    below = None if recipe.base is None else flat(models[recipe.base], tensor)
    base = np.zeros(stack.shape[1]) if below is None else below.astype(float)
    # masks and elections are decided on task vectors as float32 has them
    vectors = stack if below is None else (narrow - below).astype(float)
    if method in ("nuslerp", "model_stock"):
        rows = read("filter_wise") if method == "model_stock" else not read("nuslerp_flatten")
        doubt = angles.DOUBT if rows else doubt
        return angles.by_vector(read, vectors, None if below is None else base, shape, doubt)
    if method == "sce":
        if chosen is None:
            chosen = most_varied(vectors, float(read("select_topk")))
        return sce(vectors, base, chosen)
    if chosen is not None:
        return task_vectors(read, base, vectors, vectors * chosen)
    pairs = zip(vectors, recipe.inputs, strict=True)
    kept = np.array([masked(read, v, shape, i) for v, i in pairs])
    return task_vectors(read, base, vectors, kept)


def _sum(read: Reader, stack: Array, name: str) -> Expected:
    weights = read.own(name)
    total = weights.sum() if name == "weight" and read("normalize") else 1.0
    cancelled = 1.0
    if name == "weight" and read("normalize"):
        cancelled = np.abs(weights).sum() / np.abs(total) if total else np.inf
    coefficients = weights / total
    spread = len(weights) * EPS * cancelled * np.abs(coefficients)
    return weighted_sum(stack, coefficients, spread, np.zeros(stack.shape[1]))
