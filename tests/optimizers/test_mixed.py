"""Ints and choices: each native optimizer proposes what its library proposes when used directly.

The direct runs define the problem in the library's own terms and share no code with the adapters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import optuna
import pytest
from cmaes import CMAwM
from pymoo.algorithms.moo.nsga2 import NSGA2, binary_tournament
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

from suite.optimizers import cma_es_margin, nsga2, tpe
from suite.optimizers.optimizer import Optimizer
from suite.spaces.space import Parameter, SearchSpace, Vector
from tests.optimizers.mixed_problem import FLOATS, METHODS, ROUTES, SPACE, losses, native, played


class Mixed(ElementwiseProblem):  # type: ignore[misc]
    def __init__(self) -> None:
        kinds = {name: Real(bounds=(0.0, 1.0)) for name in FLOATS} | {
            "depth": Integer(bounds=(1, 6)),
            "rank": Integer(bounds=(0, 9)),
            "method": Choice(options=METHODS),
            "route": Choice(options=ROUTES),
        }
        super().__init__(vars=kinds, n_obj=2)

    def _evaluate(self, X: Any, out: Any, *args: Any, **kwargs: Any) -> None:
        out["F"] = losses(X)


def test_nsga2_is_pymoo_with_mixed_variables() -> None:
    whole = {"eta": 3.0, "vtype": float, "repair": RoundingRepair()}
    distinct = MixedVariableDuplicateElimination()
    mating = MixedVariableMating(
        selection=TournamentSelection(func_comp=binary_tournament),
        crossover={Real: SBX(), Integer: SBX(**whole), Choice: UX()},
        mutation={
            Real: PM(prob_var=1 / 7),
            Integer: PM(prob_var=1 / 7, **whole),
            Choice: ChoiceRandomMutation(prob_var=1 / 7),
        },
        eliminate_duplicates=distinct,
    )
    algorithm = NSGA2(
        pop_size=20, sampling=MixedVariableSampling(), mating=mating, eliminate_duplicates=distinct
    )
    result = minimize(Mixed(), algorithm, ("n_gen", 6), seed=1, save_history=True)
    direct = [dict(X) for generation in result.history for X in generation.off.get("X")]
    assert played(nsga2.make(SPACE, 2, 1)) == direct


def test_tpe_is_optuna_with_mixed_variables() -> None:
    def objective(trial: optuna.Trial) -> list[float]:
        for name in FLOATS:
            trial.suggest_float(name, 0.0, 1.0)
        trial.suggest_int("depth", 1, 6)
        trial.suggest_int("rank", 0, 9)
        trial.suggest_categorical("method", METHODS)
        trial.suggest_categorical("route", ROUTES)
        return losses(trial.params)

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=1, multivariate=True)
    study = optuna.create_study(directions=["minimize", "minimize"], sampler=sampler)
    study.optimize(objective, n_trials=120)
    assert played(tpe.make(SPACE, 2, 1)) == [trial.params for trial in study.trials]


def direct_margin(seed: int, margin: float | None) -> CMAwM:
    """9 coordinates for `SPACE`: 3 floats, 2 ints, one a method, and one for the routes."""
    steps = np.array([0, 0, 0, 1 / 6, 1 / 10, 1 / 2, 1 / 2, 1 / 2, 1 / 2])
    bounds = np.array([[step / 2, 1 - step / 2] for step in steps])
    return CMAwM(
        np.full(9, 0.5),
        0.2,
        bounds,
        steps,
        n_max_resampling=10,
        seed=seed,
        population_size=8,
        margin=margin,
    )


def read_margin(discretised: Vector, sampled: Vector) -> dict[str, Any]:
    return dict(zip(FLOATS, discretised[:3].tolist(), strict=True)) | {
        "depth": 1 + round(discretised[3] * 6 - 0.5),
        "rank": round(discretised[4] * 10 - 0.5),
        "method": max(zip(sampled[5:8], METHODS, strict=True))[1],
        "route": ROUTES[int(discretised[8] > 0.5)],
    }


@pytest.mark.parametrize("margin", [None, 0.05])
def test_cma_es_margin_is_cmaes(margin: float | None) -> None:
    """Two strategies in turn, each seeded from the run's seed."""
    weights = np.array([[0.7, 0.3], [0.2, 0.8]])
    made = cma_es_margin.make(
        SPACE, 2, 1, weights=weights.tolist(), sigma0=0.2, rho=0.1, popsize=8, margin=margin
    )
    ours = played(made, 480)
    seeds = np.random.RandomState(1)
    strategies = [direct_margin(seeds.randint(2**31), margin) for _ in weights]
    direct: list[dict[str, Any]] = []
    while len(direct) < 480:
        for weight, strategy in zip(weights, strategies, strict=True):
            told = []
            for _ in range(8):
                discretised, sampled = strategy.ask()
                direct.append(read_margin(discretised, sampled))
                f = np.array(losses(direct[-1]))
                told.append((sampled, max(weight * f) + 0.1 * sum(weight * f)))
            strategy.tell(told)
    assert ours == direct


@native
def test_settings_go_to_the_cube_and_back_exactly(make: Callable[..., Optimizer]) -> None:
    options = (0, "zero", 2.5, "2.5")  # of several types, which arrays would make one
    space = SearchSpace(
        [
            Parameter("x"),
            Parameter("n", "int", -3, 40),
            Parameter("m", "choice", options=options),
            Parameter("only", "choice", options=("one",)),
        ]
    )
    optimizer = make(space, 2, 0)
    seen: set[Any] = set()
    for _ in range(12):
        X = optimizer.ask()
        for x in X:
            settings = space.decode(x)
            assert np.array_equal(space.encode(settings), x)
            seen.add(settings["m"])
        optimizer.tell(X, np.stack([X[:, 0], 1 - X[:, 1]], axis=1))
    assert seen == set(options)
