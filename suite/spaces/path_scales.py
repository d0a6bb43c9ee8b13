"""The scales of a layer path as variables: none, one per step, a matrix, or its low-rank form.

Scales belong to the hops after the first. `read` gives them for the steps that run; `write` finds
variables that give them. Variables that nothing reads stand at the value that scales by 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Protocol

from suite.errors import BadInput
from suite.spaces.path_steps import Step
from suite.spaces.space import Parameter, Setting

SCALES = ("none", "hop", "matrix", "low_rank")


class Scales(Protocol):
    """Variables, and the scales of hops 1 to T − 1 of a path over T steps."""

    def parameters(self) -> list[Parameter]: ...

    def read(self, settings: Mapping[str, Setting], steps: Sequence[Step]) -> list[float]: ...

    def write(self, steps: Sequence[Step], factors: Sequence[float]) -> dict[str, Setting]: ...


def make_scales(
    scales: str, steps: Sequence[Step], rank: int, scale: Mapping[str, Any] | None
) -> Scales:
    """The variables for paths over `steps`; `BadInput` for impossible bounds in `scale`."""
    if scales == "none":
        return Unscaled()
    try:
        low, high = float((scale or {})["low"]), float((scale or {})["high"])
    except (KeyError, TypeError, ValueError):
        raise BadInput(
            f"path: scales {scales} need scale with numbers low and high, not {scale}"
        ) from None
    if not (low <= 1 <= high and low < high and math.isfinite(high - low)):
        raise BadInput(f"path: scale is [{low:g}, {high:g}]; 1 must lie between low and high")
    if scales == "hop":
        return PerStep(steps, low, high)
    layers = list(dict.fromkeys(step.place for step in steps))
    return Matrix(layers, low, high) if scales == "matrix" else LowRank(layers, rank, low, high)


class Unscaled:
    """Every scale is 1."""

    def parameters(self) -> list[Parameter]:
        return []

    def read(self, settings: Mapping[str, Setting], steps: Sequence[Step]) -> list[float]:
        return [1.0] * (len(steps) - 1)

    def write(self, steps: Sequence[Step], factors: Sequence[float]) -> dict[str, Setting]:
        _only_ones(factors, "has no scales")
        return {}


class PerStep:
    """One variable for every step but the first: the scale of the hop that it becomes."""

    def __init__(self, steps: Sequence[Step], low: float, high: float) -> None:
        self._names = [f"scale.{step.name}" for step in steps[1:]]
        self._low, self._high = low, high

    def parameters(self) -> list[Parameter]:
        return [Parameter(name, "float", self._low, self._high) for name in self._names]

    def read(self, settings: Mapping[str, Setting], steps: Sequence[Step]) -> list[float]:
        return [float(settings[f"scale.{step.name}"]) for step in steps[1:]]

    def write(self, steps: Sequence[Step], factors: Sequence[float]) -> dict[str, Setting]:
        _inside(factors, self._low, self._high)
        given = {f"scale.{s.name}": f for s, f in zip(steps[1:], factors, strict=True)}
        return {**dict.fromkeys(self._names, 1.0), **given}


class Matrix:
    """W[i, j]: the scale on the input of layer j where layer i ran before it."""

    def __init__(self, layers: Sequence[str], low: float, high: float) -> None:
        self._names = [f"W.{i}.{j}" for i in layers for j in layers]
        self._low, self._high = low, high

    def parameters(self) -> list[Parameter]:
        return [Parameter(name, "float", self._low, self._high) for name in self._names]

    def read(self, settings: Mapping[str, Setting], steps: Sequence[Step]) -> list[float]:
        return [float(settings[name]) for name in _moves(steps)]

    def write(self, steps: Sequence[Step], factors: Sequence[float]) -> dict[str, Setting]:
        _inside(factors, self._low, self._high)
        given: dict[str, Setting] = {}
        for place, (name, factor) in enumerate(zip(_moves(steps), factors, strict=True), 1):
            if given.setdefault(name, factor) != factor:
                raise BadInput(
                    f"path: hop {place} has scale {factor:g}, an earlier hop between the same two"
                    f" layers {float(given[name]):g}; the matrix has one for both"
                )
        return {**dict.fromkeys(self._names, 1.0), **given}


class LowRank:
    """W = 1 + U V^T, clipped to the bounds.

    The variables lie in [−b, b] with b² `rank` the larger distance of the bounds from 1, so that
    W reaches that bound and never goes further.
    """

    def __init__(self, layers: Sequence[str], rank: int, low: float, high: float) -> None:
        self._layers, self._rank = layers, rank
        self._low, self._high = low, high

    def parameters(self) -> list[Parameter]:
        bound = math.sqrt(max(self._high - 1, 1 - self._low) / self._rank)
        return [
            Parameter(f"{factor}.{k}.{layer}", "float", -bound, bound)
            for factor in "UV"
            for k in range(self._rank)
            for layer in self._layers
        ]

    def read(self, settings: Mapping[str, Setting], steps: Sequence[Step]) -> list[float]:
        found = []
        for before, after in pairwise(steps):
            w = 1 + sum(
                float(settings[f"U.{k}.{before.place}"]) * float(settings[f"V.{k}.{after.place}"])
                for k in range(self._rank)
            )
            found.append(min(max(w, self._low), self._high))
        return found

    def write(self, steps: Sequence[Step], factors: Sequence[float]) -> dict[str, Setting]:
        _only_ones(factors, "has low-rank scales, and a start there has none")
        return {parameter.name: 0.0 for parameter in self.parameters()}


def _moves(steps: Sequence[Step]) -> list[str]:
    return [f"W.{before.place}.{after.place}" for before, after in pairwise(steps)]


def _only_ones(factors: Sequence[float], why: str) -> None:
    for place, factor in enumerate(factors, 1):
        if factor != 1:
            raise BadInput(f"path: hop {place} has scale {factor:g}; the search space {why}")


def _inside(factors: Sequence[float], low: float, high: float) -> None:
    for place, factor in enumerate(factors, 1):
        if not low <= factor <= high:
            raise BadInput(
                f"path: hop {place} has scale {factor:g}; the search space has [{low:g}, {high:g}]"
            )
