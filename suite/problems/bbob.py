"""The functions of COCO's bbob-biobj suite, by its own package `cocoex` (the extra ``coco``).

Brockhoff, Auger, Hansen & Tušar 2022, "Using well-understood single-objective functions in
multiobjective black-box test suites", Evolutionary Computation 30(2). Each pairs two of the 24 bbob
functions; the ideal is known exactly, the nadir is COCO's, the front is not known.

COCO's own region of interest is [-100, 100]^d. Here the box [-5, 5]^d is searched, which holds the
optima of both functions: in the larger one nearly all of a small budget would go into finding it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from suite.errors import BadInput
from suite.records.trial import Score
from suite.spaces.space import Parameter, SearchSpace, Setting

FUNCTIONS, INSTANCES, DIMENSIONS = 55, 15, (2, 3, 5, 10, 20, 40)
BOX = 5.0


class BbobBiobj:
    """One function of the suite; parameters x1 … xd and the figures f1 and f2, exact."""

    figures = ("f1", "f2")

    def __init__(self, suite: Any, problem: Any) -> None:
        self.title = f"{problem.id} (COCO)"
        self.space = SearchSpace(
            [Parameter(f"x{i + 1}", "float", -BOX, BOX) for i in range(problem.dimension)]
        )
        self._suite = suite  # the problem is part of it, and ends with it
        self._problem = problem

    def measure(self, settings: Mapping[str, Setting], split: str) -> dict[str, Score]:
        """The two functions' values at `settings`; every split is the same."""
        values = self._problem(np.array([float(settings[name]) for name in self.space.names]))
        return {
            figure: Score(float(value), 0.0, 1)
            for figure, value in zip(self.figures, values, strict=True)
        }

    def front(self) -> None:
        """Not known."""
        return


def make(function: int, instance: int = 1, d: int = 10) -> BbobBiobj:
    """Function 1 to 55 of bbob-biobj in `d` dimensions; needs the package coco-experiment."""
    allowed = {
        "function": (function, tuple(range(1, FUNCTIONS + 1))),
        "instance": (instance, tuple(range(1, INSTANCES + 1))),
        "d": (d, DIMENSIONS),
    }
    for name, (value, values) in allowed.items():
        if value not in values:
            said = ", ".join(map(str, values)) if name == "d" else f"1 to {values[-1]}"
            raise BadInput(f"problem bbob-biobj: {name} is {value}; allowed: {said}")
    try:
        import cocoex
    except ImportError:
        raise BadInput(
            "problem bbob-biobj: coco-experiment is not installed; pip install 'merge-suite[coco]'"
        ) from None
    suite = cocoex.Suite("bbob-biobj", f"instances: {instance}", f"dimensions: {d}")
    return BbobBiobj(suite, suite.get_problem_by_function_dimension_instance(function, d, instance))
