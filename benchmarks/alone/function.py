"""A task's problem as a plain function with a budget, and the strategies that do not look at it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Function:
    """pymoo's problem of a task's configuration, from the unit cube to losses.

    `losses` are those of the first `trials` rows it was called with; `low` and `high`, shape (d,),
    are the problem's own bounds.
    """

    def __init__(self, spec: Mapping[str, Any], trials: int) -> None:
        from pymoo.problems import get_problem

        wanted, entries = spec["problem"], spec["objectives"].values()
        size = {"n_obj": wanted["m"]} if not wanted["name"].startswith("zdt") else {}
        self._problem = get_problem(wanted["name"], n_var=wanted["d"], **size)
        self._ideal = np.array([entry["ideal"] for entry in entries])
        self._reference = np.array([entry["reference"] for entry in entries])
        self._rows: list[Array] = []
        self.trials = trials
        self.low, self.high = self._problem.xl, self._problem.xu
        self.d, self.m = self._problem.n_var, self._problem.n_obj

    def __call__(self, X: Any) -> Array:
        """Losses (k, m) of the rows of `X` (k, d)."""
        values = [self._problem.evaluate(self.low + x * (self.high - self.low)) for x in X]
        F = np.asarray((np.array(values) - self._ideal) / (self._reference - self._ideal))
        self._rows.extend(F)
        return F

    @property
    def left(self) -> bool:
        """Whether the budget allows another row."""
        return len(self._rows) < self.trials

    @property
    def losses(self) -> Array:
        return np.array(self._rows[: self.trials])


def uniform(function: Function, seed: int) -> None:
    """numpy."""
    generator = np.random.default_rng(seed)
    while function.left:
        function(generator.random((1, function.d)))


def sobol(function: Function, seed: int) -> None:
    """scipy."""
    from scipy.stats import qmc

    sequence = qmc.Sobol(function.d, scramble=True, rng=np.random.default_rng(seed))
    while function.left:
        function(sequence.random(64))
