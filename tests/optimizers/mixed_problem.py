"""A problem of floats, ints and choices with a known optimum, for optimizers that take them natively."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from suite.optimizers import cma_es_margin, nsga2, tpe
from suite.optimizers.optimizer import Optimizer
from suite.spaces.space import Parameter, SearchSpace

FLOATS = ("a", "b", "c")
METHODS = ("linear", "ties", "slerp")
ROUTES = ("left", "right")
SPACE = SearchSpace(
    [
        *(Parameter(name) for name in FLOATS),
        Parameter("depth", "int", 1, 6),
        Parameter("rank", "int", 0, 9),
        Parameter("method", "choice", options=METHODS),
        Parameter("route", "choice", options=ROUTES),
    ]
)
IDEAL: dict[str, Any] = {
    "a": 0.3,
    "b": 0.3,
    "c": 0.3,
    "depth": 5,
    "rank": 2,
    "method": "ties",
    "route": "right",
}
COST = {"linear": 0.2, "ties": 0.0, "slerp": 0.4}
native = pytest.mark.parametrize("make", [nsga2.make, cma_es_margin.make, tpe.make])


def losses(s: Any) -> list[float]:
    """0 in the first objective at IDEAL alone; the second prefers small depth, rank and floats."""
    floats = sum((s[name] - 0.3) ** 2 for name in FLOATS)
    whole = 0.1 * abs(s["depth"] - 5) + 0.05 * abs(s["rank"] - 2)
    first = floats + whole + COST[s["method"]] + 0.3 * (s["route"] == "left")
    return [float(first), float(s["depth"] / 6 + s["rank"] / 9 + sum(s[n] ** 2 for n in FLOATS))]


def played(optimizer: Optimizer, evaluations: int = 120) -> list[dict[str, Any]]:
    """The settings of every row asked, in batches, until `evaluations` or more."""
    asked: list[dict[str, Any]] = []
    while len(asked) < evaluations:
        X = optimizer.ask()
        batch = [SPACE.decode(x) for x in X]
        optimizer.tell(X, np.array([losses(settings) for settings in batch]))
        asked += batch
    return asked
