"""NSGA-II by pymoo: non-dominated sorting with crowding, SBX crossover and polynomial mutation.

Deb, Pratap, Agarwal & Meyarivan 2002, "A fast and elitist multiobjective genetic algorithm:
NSGA-II", IEEE TEC 6(2). Operators at pymoo's defaults (SBX eta 15, probability 0.9; PM eta 20).
Ints and choices are relaxed: their cells of the unit interval are searched as floats.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from suite.errors import BadInput
from suite.optimizers.optimizer import check_option, starting_points, told_losses
from suite.space import SearchSpace, Vector

if TYPE_CHECKING:
    from pymoo.algorithms.moo.nsga2 import NSGA2


class Nsga2:
    """One generation an ask: first the initial population, then its offspring."""

    def __init__(self, algorithm: NSGA2) -> None:
        self._algorithm = algorithm
        self._offspring: Any = None
        self._asked: Vector | None = None

    def ask(self) -> Vector:
        """The next generation; at most `population` rows, fewer where pymoo drops duplicates."""
        self._offspring = self._algorithm.ask()
        if self._offspring is None:
            raise RuntimeError("NSGA-II found no offspring that differs from its population")
        self._asked = np.array(self._offspring.get("X"), dtype=np.float64)
        return self._asked.copy()

    def tell(self, X: Vector, F: Vector) -> None:
        """Survival selection among the population and these offspring."""
        from pymoo.problems.static import StaticProblem

        problem = self._algorithm.problem
        losses = told_losses(self._asked, X, F, problem.n_obj)
        self._asked = None
        self._algorithm.evaluator.eval(StaticProblem(problem, F=losses), self._offspring)
        self._algorithm.tell(infills=self._offspring)


def make(
    space: SearchSpace,
    n_objectives: int,
    seed: int,
    start: ArrayLike | None = None,
    *,
    population: int = 20,
) -> Nsga2:
    """NSGA-II with `population` individuals and as many offspring a generation.

    Starting points take the first places of the random initial population.
    """
    check_option("nsga2", "population", population, 2)
    first = starting_points(space, start)
    if len(first) > population:
        raise BadInput(
            f"optimizer nsga2: {len(first)} starting points, allowed: at most the population"
            f" of {population}"
        )
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.core.problem import Problem
    from pymoo.core.termination import NoTermination
    from pymoo.operators.sampling.rnd import FloatRandomSampling

    class Sampling(FloatRandomSampling):  # type: ignore[misc]
        """Pymoo takes too few given points as a short population, so they are filled up here."""

        def _do(self, *args: Any, **kwargs: Any) -> Vector:
            points: Vector = super()._do(*args, **kwargs)
            points[: len(first)] = first
            return points

    algorithm = NSGA2(pop_size=population, sampling=Sampling())
    problem = Problem(n_var=space.d, n_obj=n_objectives, xl=0.0, xu=1.0)
    algorithm.setup(problem, termination=NoTermination(), seed=seed)
    return Nsga2(algorithm)
