"""Evolutionary strategies by pymoo's `minimize`, twenty individuals each, operators as it has them."""

from __future__ import annotations

import warnings
from typing import Any

from .function import Function


def _minimized(function: Function, algorithm: Any, seed: int) -> None:
    """The losses are a problem of the unit cube; the last generation may exceed the budget."""
    from pymoo.core.problem import Problem
    from pymoo.optimize import minimize

    class Cube(Problem):  # type: ignore[misc]
        def _evaluate(self, x: Any, out: dict[str, Any], *args: Any, **kwargs: Any) -> None:
            out["F"] = function(x)

    cube = Cube(n_var=function.d, n_obj=function.m, xl=0, xu=1)
    with warnings.catch_warnings():  # NSGA-III of pymoo turns off every warning of the process
        minimize(cube, algorithm, ("n_eval", function.trials), seed=seed)


def _directions(m: int) -> Any:
    """Twenty for two objectives; 15 for three, whose next lattice would have 21."""
    from pymoo.util.ref_dirs import get_reference_directions

    return get_reference_directions("das-dennis", m, n_partitions={2: 19, 3: 4}[m])


def nsga2(function: Function, seed: int) -> None:
    """NSGA-II."""
    from pymoo.algorithms.moo.nsga2 import NSGA2

    _minimized(function, NSGA2(pop_size=20), seed)


def nsga3(function: Function, seed: int) -> None:
    """NSGA-III, twenty individuals for 15 directions, too."""
    from pymoo.algorithms.moo.nsga3 import NSGA3

    _minimized(function, NSGA3(_directions(function.m), pop_size=20), seed)


def sms_emoa(function: Function, seed: int) -> None:
    """SMS-EMOA, one offspring after the other."""
    from pymoo.algorithms.moo.sms import SMSEMOA

    _minimized(function, SMSEMOA(pop_size=20, n_offsprings=1), seed)


def moead(function: Function, seed: int) -> None:
    """MOEA/D, an individual a direction, with four neighbours."""
    from pymoo.algorithms.moo.moead import MOEAD

    algorithm = MOEAD(_directions(function.m), n_neighbors=4, prob_neighbor_mating=0.9)
    _minimized(function, algorithm, seed)


def age_moea(function: Function, seed: int) -> None:
    """AGE-MOEA."""
    from pymoo.algorithms.moo.age import AGEMOEA

    _minimized(function, AGEMOEA(pop_size=20), seed)


def gde3(function: Function, seed: int) -> None:
    """GDE3 from uniform points; pymoo's own would be a Latin hypercube."""
    from pymoo.algorithms.moo.gde3 import GDE3
    from pymoo.operators.sampling.rnd import FloatRandomSampling

    algorithm = GDE3(pop_size=20, sampling=FloatRandomSampling(), CR=0.5, F=(0.0, 1.0), gamma=1e-4)
    _minimized(function, algorithm, seed)
