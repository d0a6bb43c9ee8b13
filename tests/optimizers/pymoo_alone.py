"""pymoo by itself, for the tests of the strategies built on it; shares no code with the adapters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pymoo.core.mixed import (
    MixedVariableDuplicateElimination,
    MixedVariableMating,
    MixedVariableSampling,
)
from pymoo.core.problem import ElementwiseProblem
from pymoo.core.variable import Choice, Integer, Real
from pymoo.operators.crossover.sbx import SBX
from pymoo.operators.crossover.ux import UX
from pymoo.operators.mutation.pm import PM
from pymoo.operators.mutation.rm import ChoiceRandomMutation
from pymoo.operators.repair.rounding import RoundingRepair
from pymoo.operators.selection.tournament import TournamentSelection
from pymoo.optimize import minimize
from pymoo.problems import get_problem

from suite.optimizers.optimizer import Optimizer
from suite.spaces.space import Parameter, SearchSpace, Vector

D = 8
CUBE = SearchSpace([Parameter(f"x{i}") for i in range(D)])
PROBLEMS = [get_problem("zdt1", n_var=D), get_problem("dtlz2", n_var=D, n_obj=3)]
both = pytest.mark.parametrize("problem", PROBLEMS, ids=["zdt1", "dtlz2"])

MIXED = SearchSpace(
    [
        Parameter("a"),
        Parameter("b"),
        Parameter("depth", "int", 1, 6),
        Parameter("method", "choice", options=("linear", "ties", "slerp")),
        Parameter("route", "choice", options=("left", "right")),
    ]
)


def asked(optimizer: Optimizer, problem: Any, n: int) -> Vector:
    """Every row asked, told the losses of `problem`, until `n` or more."""
    rows: list[Vector] = []
    while sum(map(len, rows)) < n:
        rows.append(optimizer.ask())
        optimizer.tell(rows[-1], np.asarray(problem.evaluate(rows[-1], return_values_of=["F"])))
    return np.vstack(rows)


def alone(problem: Any, algorithm: Any, generations: int, seed: int = 1) -> Vector:
    """Every row that `minimize` evaluates."""
    recorded: list[Vector] = []
    evaluate = problem.evaluate

    class Recorder(type(problem)):  # type: ignore[misc]
        def evaluate(self, X: Any, *args: Any, **kwargs: Any) -> Any:
            recorded.append(np.array(X, dtype=float, ndmin=2))
            return evaluate(X, *args, **kwargs)

    watched = Recorder.__new__(Recorder)
    watched.__dict__.update(problem.__dict__)
    minimize(watched, algorithm, ("n_gen", generations), seed=seed)
    return np.vstack(recorded)


def mixed_losses(s: Any) -> list[float]:
    """0 in the first loss at a = b = 0.3, depth 5, ties, right alone; the second conflicts."""
    wrong = 0.3 * (s["method"] != "ties") + 0.2 * (s["route"] == "left")
    first = (s["a"] - 0.3) ** 2 + (s["b"] - 0.3) ** 2 + 0.1 * abs(s["depth"] - 5) + wrong
    return [float(first), float(s["depth"] / 6 + s["a"] ** 2 + s["b"] ** 2)]


def mixed_asked(optimizer: Optimizer, n: int) -> list[dict[str, Any]]:
    """The settings of every row asked of `optimizer` on `MIXED`."""
    settings: list[dict[str, Any]] = []
    while len(settings) < n:
        X = optimizer.ask()
        batch = [MIXED.decode(x) for x in X]
        optimizer.tell(X, np.array([mixed_losses(s) for s in batch]))
        settings += batch
    return settings


def mixed_alone(algorithm: Any, generations: int, seed: int = 1) -> list[dict[str, Any]]:
    """The settings `minimize` evaluates on the same space, said in pymoo's own terms."""
    recorded: list[dict[str, Any]] = []

    class Mixed(ElementwiseProblem):  # type: ignore[misc]
        def _evaluate(self, X: Any, out: Any, *args: Any, **kwargs: Any) -> None:
            recorded.append(dict(X))
            out["F"] = mixed_losses(X)

    kinds = {
        "a": Real(bounds=(0.0, 1.0)),
        "b": Real(bounds=(0.0, 1.0)),
        "depth": Integer(bounds=(1, 6)),
        "method": Choice(options=("linear", "ties", "slerp")),
        "route": Choice(options=("left", "right")),
    }
    minimize(Mixed(vars=kinds, n_obj=2), algorithm, ("n_gen", generations), seed=seed)
    return recorded


def mixed_arguments(compare: Any, eta: float = 15, prob: float = 0.9) -> dict[str, Any]:
    """pymoo's mixed-variable operators with the settings the adapters promise."""
    whole = {"eta": 3.0, "vtype": float, "repair": RoundingRepair()}
    distinct = MixedVariableDuplicateElimination()
    mating = MixedVariableMating(
        selection=TournamentSelection(func_comp=compare),
        crossover={
            Real: SBX(eta=eta, prob=prob),
            Integer: SBX(prob=prob, **whole),
            Choice: UX(prob=prob),
        },
        mutation={
            Real: PM(prob_var=1 / 5),
            Integer: PM(prob_var=1 / 5, **whole),
            Choice: ChoiceRandomMutation(prob_var=1 / 5),
        },
        eliminate_duplicates=distinct,
    )
    return {
        "sampling": MixedVariableSampling(),
        "mating": mating,
        "eliminate_duplicates": distinct,
    }
