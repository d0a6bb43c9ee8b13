"""Formulas over the angles of whole tensors or rows, in float64, with what float32 does to them.

An inner product of unit vectors taken in float32 errs by about 8 units of rounding, `DOUBT`.
What follows from it is bounded by evaluating the formula at the ends of that interval.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.merging.formulas import EPS, Array, Expected, Reader, weighted_sum

DOUBT = 8 * EPS
SURE = 64 * 2.0**-52  # the same in float64


def unit(vector: Array, least: float) -> Array:
    norm = np.linalg.norm(vector)
    return vector / (norm if norm > least else 1.0)


def arc(cosine: float, t: float, straight: bool, turn: float = 0.0) -> Array:
    if straight:
        return np.array([1 - t, t])
    theta = np.arccos(np.clip(cosine, -1, 1)) * (1 + turn)
    return np.array([np.sin((1 - t) * theta), np.sin(t * theta)]) / np.sin(theta)


def _spread(found: list[Array]) -> Array:
    return np.ptp(np.nan_to_num(np.array(found), nan=np.inf), axis=0)


def on_arc(
    a: Array, b: Array, cosine: float, t: float, straight: Callable[[float], bool], doubt: float
) -> tuple[Array, Array]:
    """Coefficients of a and b, and their uncertainty when the cosine's is `doubt`."""
    near = [cosine + d for d in (-doubt, 0.0, doubt)]
    with np.errstate(divide="ignore", invalid="ignore"):
        found = [
            arc(c, t + shift, straight(c), turn)
            for c in near
            for turn in (-doubt, 0.0, doubt)
            for shift in (-doubt / 8, doubt / 8)
        ]
        coefficients = arc(cosine, t, straight(cosine))
    if cosine < 2 * doubt - 1 and not straight(cosine + doubt):
        return coefficients, np.full(2, np.inf)  # opposite vectors have no arc of their own
    return coefficients, _spread(found)


def slerp(read: Reader, stack: Array, doubt: float) -> Expected:
    """Shoemake 1985; `stack` begins with the base."""
    a, b = stack
    cosine = float(np.clip(unit(a, 1e-8) @ unit(b, 1e-8), -1, 1))
    t = float(read("t"))
    coefficients, spread = on_arc(a, b, cosine, t, lambda c: abs(c) > 0.9995, doubt)
    return weighted_sum(stack, coefficients, spread, np.zeros_like(a))


def _nuslerp(weights: Array, stack: Array, base: Array, doubt: float) -> Expected:
    a, b = stack
    total = weights.sum()
    t = 0.5 if abs(total) < 1e-6 else weights[1] / total
    norms = [max(float(np.linalg.norm(v)), 1e-7) for v in stack]
    cosine = float(np.clip(a @ b / norms[0] / norms[1], -1, 1))
    # float32 resolves 1 − cos² to EPS, float64 to 1e-16: both sides of each are possible
    coefficients, spread = on_arc(a, b, cosine, t, lambda c: 1 - c * c <= 1e-16, doubt)
    return weighted_sum(stack, coefficients, spread, base)


def _model_stock(stack: Array, base: Array, doubt: float) -> Expected:
    """Jang et al. 2024, eq. 5; `stack` are task vectors."""
    count = len(stack)
    norms = np.linalg.norm(stack, axis=1)
    pairs = [(i, j) for i in range(count) for j in range(i + 1, count)]
    cosines = [stack[i] @ stack[j] / max(norms[i] * norms[j], 1e-6) for i, j in pairs]
    c = float(np.clip(cosines, -1, 1).mean())

    def part(c: float) -> float:
        below = 1 + (count - 1) * c
        return 0.0 if abs(below) < 1e-6 else count * c / below

    found = [part(c + d) for d in (-doubt, 0.0, doubt)]
    crosses = 1 + (count - 1) * (c - doubt) < 1e-6 + doubt
    spread = np.inf if crosses and doubt > SURE else np.ptp(found)
    coefficients = np.full(count, part(c) / count)
    expected = weighted_sum(stack, coefficients, np.full(count, spread / count), base)
    # mergekit adds t (mean m) and (1 − t) b, which are larger than their sum
    size = abs(part(c)) * np.abs(stack + base).mean(0) + abs(1 - part(c)) * np.abs(base)
    expected.bounds = [expected.bounds[0] + (count + 3) * EPS * size]
    return expected


def by_vector(
    read: Reader, stack: Array, base: Array | None, shape: tuple[int, ...], doubt: float
) -> Expected:
    """NuSLERP or Model Stock, vector by vector where the recipe says so."""
    nuslerp = read.recipe.method_on(read.tensor) == "nuslerp"
    start = np.zeros(stack.shape[1]) if base is None else base
    width, axis = stack.shape[1], -1
    if shape and not (read("nuslerp_flatten") if nuslerp else not read("filter_wise")):
        width = shape[-1]
        if nuslerp and read("nuslerp_row_wise") and len(shape) > 1:
            width, axis = shape[0], 0
    order = np.arange(stack.shape[1])
    if axis == 0:
        order = order.reshape(shape).T.ravel()
    pieces = []
    for part in np.split(order, max(1, stack.shape[1] // width)):
        vectors, below = stack[:, part], start[part]
        pieces.append(
            _nuslerp(read.own("weight"), vectors, below, doubt)
            if nuslerp
            else _model_stock(vectors, below, doubt)
        )
    value, bound = np.empty(len(order)), np.empty(len(order))
    value[order] = np.concatenate([p.values[0] for p in pieces])
    bound[order] = np.concatenate([p.bounds[0] for p in pieces])
    expected = Expected()
    expected.add(value, bound)
    return expected


def karcher(read: Reader, stack: Array) -> Expected:
    """The mean on the sphere by steps over whole vectors, with the bound of a float32 iteration.

    A float32 inner product cannot tell angles below √(2 DOUBT) = 0.0014 from 0, and angle θ errs
    by DOUBT/θ: the pull of that vector is lost or off by so much.
    """
    most, tol = int(read("max_iter")), float(read("tol"))
    norms = np.linalg.norm(stack, axis=1)
    if len(stack) == 1:
        return _near(stack[0], EPS * np.abs(stack[0]))
    units = np.array([v / n for v, n in zip(stack, norms, strict=True) if n > tol])
    if not len(units):
        return _near(np.zeros(stack.shape[1]), 0.0)
    mean = units.mean(0)
    mean = mean / np.linalg.norm(mean) if np.linalg.norm(mean) >= tol else units[0]
    dots = np.clip(units @ mean, -1, 1)
    for _ in range(most):
        dots = np.clip(units @ mean, -1, 1)
        angles = np.arccos(dots)
        pull = np.where(angles < tol, 0.0, angles / np.maximum(np.sin(angles), 1e-300))
        tangent = (pull[:, None] * (units - dots[:, None] * mean)).mean(0)
        step = np.linalg.norm(tangent)
        if step < tol:
            break
        mean = np.cos(step) * mean + np.sin(step) * tangent / step
        mean /= np.linalg.norm(mean)
    share = np.minimum(1.0, DOUBT / np.maximum(np.arccos(dots), 1e-30) ** 2)
    lost = (share[:, None] * np.abs(units - mean)).sum(0)
    size = 8 * EPS * (np.abs(units).sum(0) + np.abs(mean))
    # two iterations that stop at a step below tol may differ by as much
    return _near(norms.mean() * mean, norms.mean() * (2 * lost + size + tol))


def _near(value: Array, bound: Any) -> Expected:
    expected = Expected()
    expected.add(value, bound)
    return expected
