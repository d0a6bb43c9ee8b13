"""The practitioner's search: a grid over the weights of the sources, the common one first.

Ilharco et al. 2023, "Editing models with task arithmetic", ICLR: one scaling coefficient λ for all
task vectors, chosen on held-out data from a grid. Whoever has trials left gives each source a grid of
its own. Nobody sets weights by layer by hand, so that all layers of a source share a value, whatever
the space says. No loss is looked at: with several objectives there is no best λ to go on from, and
the front of the grid is the result.

**What is swept.** The axes of `suite.optimizers.axes`: one weight per source. All other parameters stay where
the first starting point has them, else at the middle of their range or the first option. A space of
other names has its floats swept, each an axis, and one without floats every parameter: there this is
a plain grid, from coarse to fine.

**In which order.** Rounds i = 0, 1, 2 … of two stages each:

1. all axes at one value, from low to high in steps of `step` / 2^i;
2. the grid of all axes, each in steps of `source_step` / 2^i of its range, both ends included.

Steps of the first stage are in the weight's own units and values are multiples of them (0.1, 0.2 …),
of the range where other kinds or names are swept. Ints and choices have all their levels at once.
What was asked before is left out. The seed shuffles each stage and does nothing else: the order in a
grid means nothing, and a budget that ends inside a stage has a random part of it. With 3 sources and
200 trials of weights in [0, 1], these are 11 common λ, 24 combinations of 0, 0.5 and 1, 10 more
common λ, 96 more combinations in steps of 0.25, and 20 + 39 of the third round.

Where weights are normalised (linear, NuSLERP), every common value is the same merge.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import chain, count, islice, product, repeat

import numpy as np
from numpy.typing import ArrayLike

from suite.optimizers.axes import axes
from suite.optimizers.optimizer import check_option, starting_points, told_losses
from suite.spaces.space import Parameter, SearchSpace, Vector

LISTED = 100_000  # combinations that are shuffled as a list; of more, each is drawn

Point = tuple[float, ...]  # one value an axis, in the unit interval


class LambdaGrid:
    """`batch` of `points` an ask; the starting points, if any, are a batch of their own before them."""

    def __init__(
        self, points: Iterator[Vector], n_objectives: int, batch: int, first: Vector
    ) -> None:
        self._points = points
        self._n_objectives = n_objectives
        self._batch = batch
        self._first = first
        self._asked: Vector | None = None

    def ask(self) -> Vector:
        """The next of the grid; the sequence goes on whether or not the last batch was told."""
        first, self._first = self._first, self._first[:0]
        self._asked = first if len(first) else np.array([*islice(self._points, self._batch)])
        return self._asked.copy()

    def tell(self, X: Vector, F: Vector) -> None:
        """Checks the pairing and learns nothing."""
        told_losses(self._asked, X, F, self._n_objectives)
        self._asked = None


def make(
    space: SearchSpace,
    n_objectives: int,
    seed: int,
    start: ArrayLike | None = None,
    *,
    batch: int = 8,
    step: float = 0.1,
    source_step: float = 0.5,
) -> LambdaGrid:
    """A grid over the common weight in steps of `step`, and over the sources in `source_step`.

    Both are in (0, 1]. For a given seed the sequence does not depend on `batch`. Starting points are
    asked first, and the first of them is where the parameters stay that are not swept.
    """
    check_option("lambda_grid", "batch", batch, 1)
    check_option("lambda_grid", "step", step, 0.001, 1.0)
    check_option("lambda_grid", "source_step", source_step, 0.001, 1.0)
    first = starting_points(space, start)
    held = first[0] if len(first) else np.array([_resting(p) for p in space.parameters])
    points = _points(space, np.random.default_rng(seed), held, step, source_step, first)
    return LambdaGrid(points, n_objectives, batch, first)


def _resting(parameter: Parameter) -> float:
    """Where a parameter stays that is not swept."""
    return 0.5 / parameter.levels if parameter.kind == "choice" else 0.5


def _points(
    space: SearchSpace,
    random: np.random.Generator,
    held: Vector,
    step: float,
    source_step: float,
    asked: Vector,
) -> Iterator[Vector]:
    """The grid without end, each point (d,); a space of ints and choices is gone through again."""
    swept, weights = axes(space)
    leaders = [space.parameters[indices[0]] for indices in swept.values()]
    seen = {tuple(row) for row in asked.round(9).tolist()}
    finite = all(leader.levels for leader in leaders)
    for halvings in repeat(0) if finite else count():
        before = len(seen)
        common = _common(leaders, step / 2**halvings, weights)
        combined = [_values(leader, source_step / 2**halvings) for leader in leaders]
        for values in chain(_shuffled(common, random), _combinations(combined, random)):
            point = held.copy()
            for indices, value in zip(swept.values(), values, strict=True):
                point[indices] = value
            key = tuple(point.round(9).tolist())
            if key not in seen:
                seen.add(key)
                yield point
        if len(seen) == before:
            seen.clear()


def _common(leaders: Sequence[Parameter], step: float, weights: bool) -> list[Point]:
    """All axes at one value; merge weights, which have the same bounds, at multiples of `step`."""
    first = leaders[0]
    if not (weights and first.kind == "float"):
        shares = _values(first, step) if weights else _shares(step)
        return [tuple(_cell(leader, share) for leader in leaders) for share in shares]
    lowest, highest = math.ceil(first.low / step - 1e-9), math.floor(first.high / step + 1e-9)
    multiples = [round(number * step, 12) for number in range(lowest, highest + 1)]
    inside = [first.encode(min(max(value, first.low), first.high)) for value in multiples]
    return [(value,) * len(leaders) for value in inside]


def _values(parameter: Parameter, step: float) -> list[float]:
    """The grid of one axis: its levels, or every `step` of its range."""
    if parameter.levels:
        return [(level + 0.5) / parameter.levels for level in range(parameter.levels)]
    return _shares(step)


def _shares(step: float) -> list[float]:
    parts = max(round(1 / step), 1)
    return [number / parts for number in range(parts + 1)]


def _cell(parameter: Parameter, share: float) -> float:
    """`share` itself, or the middle of the cell it is in."""
    if not parameter.levels:
        return share
    return (min(int(share * parameter.levels), parameter.levels - 1) + 0.5) / parameter.levels


def _combinations(values: Sequence[list[float]], random: np.random.Generator) -> Iterator[Point]:
    """Every combination once, in random order; of more than `LISTED`, random ones without end."""
    if math.prod(map(len, values)) <= LISTED:
        yield from _shuffled([*product(*values)], random)
        return
    while True:
        yield tuple(each[random.integers(len(each))] for each in values)


def _shuffled(points: Sequence[Point], random: np.random.Generator) -> Iterator[Point]:
    return (points[index] for index in random.permutation(len(points)))
