"""Every deterministic part of a merge written down again in numpy and float64, with error bounds.

A result in float32 is a sum of K + 2 terms, each a product of rounded factors: it errs by a few
units of rounding of the sum of the terms' magnitudes, element by element. Where a formula branches
(the sign that is elected, a sum of weights near 0, SLERP's straight line), rounding may decide;
such elements have several allowed results.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from suite.merging.masks import bounds, keys, random_bits
from suite.recipes.recipe import Input, Recipe

Array = Any
EPS = 2.0**-23
TINY = 1e-37  # what float32's underflow may add


@dataclass
class Expected:
    """Allowed results of one tensor: values with bounds, each allowed on some of the elements."""

    values: list[Array] = field(default_factory=list)
    bounds: list[Array] = field(default_factory=list)
    allowed: list[Array] = field(default_factory=list)

    def add(self, value: Array, bound: Array, allowed: Array = True) -> None:
        value = np.asarray(value, dtype=float)
        self.values.append(value)
        self.bounds.append(np.broadcast_to(bound, value.shape) + TINY)
        self.allowed.append(np.broadcast_to(allowed, value.shape))

    def misses(self, found: Array) -> Array:
        """Which elements of `found` are near no allowed result; what has no bound is near."""
        miss = np.ones(self.values[0].shape, dtype=bool)
        for value, bound, allowed in zip(self.values, self.bounds, self.allowed, strict=True):
            with np.errstate(invalid="ignore"):
                near = np.abs(found.ravel().astype(float) - value) <= bound
            miss &= ~(allowed & (near | np.isinf(bound)))
        return miss

    @property
    def single(self) -> Array:
        """Which elements have one allowed result."""
        return np.sum(self.allowed, axis=0) == 1

    def bound(self) -> Array:
        """The bound of the elements that are `single`."""
        stack = [np.where(a, b, 0.0) for a, b in zip(self.allowed, self.bounds, strict=True)]
        return np.sum(stack, axis=0)


def flat(weights: dict[str, Any], tensor: str) -> Array:
    return weights[tensor].float().numpy().ravel()


def trimmed(vector: Array, density: float) -> Array:
    """TIES' trim (Yadav et al. 2023): the max(1, ⌊density n⌋) largest stay, equal ones by index."""
    count = max(1, math.floor(density * vector.size)) if 0 < density < 1 else vector.size
    order = np.argsort(-np.abs(vector), kind="stable")[: count if density > 0 else 0]
    return np.where(np.isin(np.arange(vector.size), order), vector, 0.0)


def without_outliers(vector: Array, density: float, gamma: float) -> Array:
    """Breadcrumbs (Davari and Belilovsky 2024): a window of the ascending order stays."""
    n = vector.size
    if density >= 1:
        return vector
    stay = math.floor(density * n)
    first = max(0, n - stay - math.floor(gamma * n))
    order = np.argsort(np.abs(vector), kind="stable")[first : first + stay]
    return np.where(np.isin(np.arange(n), order), vector, 0.0)


def della_chances(shape: tuple[int, ...], vector: Array, density: float, epsilon: float) -> Array:
    """Chance of each element, density ± ε by its rank in its row (Deep et al. 2024, eq. 3)."""
    width = shape[-1] if shape else 1
    order = np.argsort(np.abs(vector).reshape(-1, width), axis=1, kind="stable")
    ranks = np.argsort(order, axis=1, kind="stable").ravel()
    steps = ranks / (width - 1) if width > 1 else np.full(vector.size, 0.5)
    chance: Array = density - epsilon + 2 * epsilon * steps
    return np.ones_like(chance) if density >= 1 else chance * (density > 0)


@dataclass
class Reader:
    """A recipe's numbers on one tensor."""

    recipe: Recipe
    tensor: str
    layers: int

    def __call__(self, name: str) -> Any:
        return self.recipe.value(name, self.tensor, self.layers)

    def own(self, name: str) -> Array:
        found = [self.recipe.value(name, self.tensor, self.layers, i) for i in self.recipe.inputs]
        return np.array(found, dtype=float)


def masked(read: Reader, vector: Array, shape: tuple[int, ...], source: Input) -> Array:
    """A task vector after its mask, before an L1 norm is restored."""
    recipe, tensor = read.recipe, read.tensor
    method = recipe.method_on(tensor)
    if method == "task_arithmetic":
        return vector

    def own(name: str) -> float:
        return float(recipe.value(name, tensor, read.layers, source))

    density = own("density")
    if method == "ties":
        return trimmed(vector, density)
    if method.startswith("breadcrumbs"):
        return without_outliers(vector, density, own("gamma"))
    key = keys(int(read("seed")), tensor, source.model)
    bits = random_bits(key, 0, vector.size).numpy()
    inverse = read("rescale") == "inverse_density"
    if method.startswith("dare"):
        kept = np.where(bits < bounds(np.array(density)), vector, 0.0)
        return kept / density if inverse and 0 < density < 1 else kept
    chance = della_chances(shape, vector, density, own("epsilon"))
    # DELLA's chances are compared in float32 with 31 bits; no test has an element that close
    kept = np.where(bits * 2.0**-31 < chance, vector, 0.0)
    return kept / np.maximum(chance, 1e-9) if inverse else kept


def ratio(vector: Array, kept: Array) -> float:
    """‖d‖₁ / ‖kept d‖₁, and 1 where one is below 1e-7."""
    whole, rest = float(np.abs(vector).sum()), float(np.abs(kept).sum())
    return whole / rest if min(whole, rest) >= 1e-7 else 1.0


def elections(votes: Array, slack: float) -> tuple[Array, Array]:
    """The sign of Σ votes as float32 has it, and where another order of the sum has another.

    `slack`: the relative error of the votes themselves. What is exact in any order is decided.
    """
    narrow = votes.astype(np.float32)
    sums = []
    for order in itertools.permutations(range(len(votes))):
        total = narrow[order[0]].copy()
        for i in order[1:]:
            total = total + narrow[i]
        sums.append(total)
    if len(votes) == 4:
        pairs = [((0, 1), (2, 3)), ((0, 2), (1, 3)), ((0, 3), (1, 2))]
        sums += [narrow[list(p)].sum(0) + narrow[list(q)].sum(0) for p, q in pairs]
    signs = np.where(np.array(sums) >= 0, 1.0, -1.0)
    slight = np.abs(votes.sum(0)) < slack * np.abs(votes).sum(0)
    return signs[0], (np.ptp(signs, axis=0) > 0) | slight


def exact(weights: Array) -> bool:
    """Whether any sum of these weights is exact in float32."""
    return bool(np.all(weights * 64 == np.round(weights * 64)) and np.abs(weights).max() < 1000)


def divided(
    total: Array, size: Array, weights: Array, agree: Array, least: float
) -> tuple[Array, Array]:
    """Σ agreeing terms / Σ agreeing weights per element, and its bound.

    A sum of weights of 0, or below `least`, counts as 1. There is no bound where rounding decides
    whether it is, or what it is.
    """
    count, rounds = len(weights), not exact(weights)
    divisor = (weights[:, None] * agree).sum(0)
    scale = (np.abs(weights)[:, None] * agree).sum(0)
    doubt = rounds * count * EPS * scale
    lost = rounds & (scale > 0) & (np.abs(divisor) <= 2 * doubt + 2 * least)
    divisor = np.where((divisor == 0) | (np.abs(divisor) < least), 1.0, divisor)
    bound = ((count + 3) * EPS * size + doubt * np.abs(total / divisor)) / np.abs(divisor)
    return total / divisor, np.where(lost, np.inf, bound)


def task_vectors(
    read: Reader, base: Array, vectors: Array, kept: Array, slack: float = 0.0
) -> Expected:
    """b + λ · election of w_i · kept_i, with normalisation; `kept` and weights (K, n), (K,).

    `slack` is the relative error of factors that were measured in float32.
    """
    method, expected = read.recipe.method_on(read.tensor), Expected()
    weights = read.own("weight").astype(np.float32).astype(float)
    scale = float(read("lambda"))
    if method != "task_arithmetic" and read("rescale") == "l1":
        pairs = zip(vectors, kept, strict=True)
        kept = np.array([k * ratio(v, k) for v, k in pairs])
        slack = slack + 8 * EPS
    votes = weights[:, None] * kept
    if not method.endswith("ties") and method != "della":
        options = [(np.ones_like(votes, dtype=bool), True, 1e-8)]
    else:
        sign, either = elections(votes, slack)
        options = [(votes * sign > 0, True, 0.0), (votes * -sign > 0, either, 0.0)]
    for agree, allowed, least in options:
        total, size = (votes * agree).sum(0), (np.abs(votes) * agree).sum(0)
        error = (len(weights) + 3) * EPS * size
        if read("normalize"):
            total, error = divided(total, size, weights, agree, least)
        error = error + slack * np.abs(total)
        near = np.abs(base) + abs(scale) * np.abs(total)
        expected.add(base + scale * total, abs(scale) * error + 2 * EPS * near, allowed)
    return expected


def weighted_sum(stack: Array, coefficients: Array, spread: Array, base: Array) -> Expected:
    """base + Σ c_i v_i, where c_i may err by `spread`."""
    total = (coefficients[:, None] * stack).sum(0)
    size = (np.abs(coefficients)[:, None] * np.abs(stack)).sum(0) + np.abs(base)
    expected = Expected()
    wide = np.broadcast_to(spread, coefficients.shape)[:, None]
    error = np.multiply(wide, np.abs(stack), where=stack != 0, out=np.zeros_like(stack)).sum(0)
    expected.add(base + total, (len(stack) + 3) * EPS * size + error)
    return expected
