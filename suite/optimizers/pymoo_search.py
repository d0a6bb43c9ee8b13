"""What the strategies of pymoo share: the ask/tell loop, starting points, and the operators of a space.

A strategy is pymoo's own algorithm object. On spaces of floats it has pymoo's own operators; on
spaces with ints and choices those of `pymoo_mixed`. Only the sampling is added to: starting points
take the first places of the random initial population.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from suite.errors import BadInput
from suite.optimizers import pymoo_mixed
from suite.optimizers.optimizer import check_option, starting_points, told_losses
from suite.spaces.space import SearchSpace, Vector

if TYPE_CHECKING:
    from pymoo.core.algorithm import Algorithm


class PymooSearch:
    """First the initial population, then what the algorithm proposes: a generation or one candidate."""

    def __init__(self, algorithm: Algorithm, rows: Callable[[Any], Vector]) -> None:
        self._algorithm = algorithm
        self._rows = rows
        self._offspring: Any = None
        self._asked: Vector | None = None

    def ask(self) -> Vector:
        """The next batch; fewer rows than asked of pymoo where it drops duplicates."""
        from pymoo.core.individual import Individual
        from pymoo.core.population import Population

        self._offspring = self._algorithm.ask()
        if self._offspring is None:
            raise RuntimeError(
                f"{type(self._algorithm).__name__} found no offspring that differs from its population"
            )
        alone = isinstance(self._offspring, Individual)
        batch = Population.create(self._offspring) if alone else self._offspring
        self._asked = self._rows(batch.get("X"))
        return self._asked.copy()

    def tell(self, X: Vector, F: Vector) -> None:
        """Survival selection among the population and what was asked."""
        from pymoo.problems.static import StaticProblem

        problem = self._algorithm.problem
        losses = told_losses(self._asked, X, F, problem.n_obj)
        self._asked = None
        self._algorithm.evaluator.eval(StaticProblem(problem, F=losses), self._offspring)
        with warnings.catch_warnings():  # NSGA-III of pymoo turns off every warning of the process
            self._algorithm.tell(infills=self._offspring)


def search(
    algorithm: Algorithm, space: SearchSpace, n_objectives: int, seed: int, relaxed: bool = False
) -> PymooSearch:
    """`algorithm` set up for `space`; `relaxed` where it was not built with `operators`."""
    from pymoo.core.problem import Problem
    from pymoo.core.termination import NoTermination

    if relaxed or not pymoo_mixed.needed(space):
        problem = Problem(n_var=space.d, n_obj=n_objectives, xl=0.0, xu=1.0)
        rows: Callable[[Any], Vector] = _cube_rows
    else:
        problem = pymoo_mixed.problem(space, n_objectives)
        rows = pymoo_mixed.rows(space)
    algorithm.setup(problem, termination=NoTermination(), seed=seed)
    return PymooSearch(algorithm, rows)


def operators(
    space: SearchSpace,
    first: Vector,
    select: Callable[..., Any],
    *,
    eta: float = 15,
    prob: float = 0.9,
) -> dict[str, Any]:
    """Arguments of a pymoo algorithm for `space`, whose initial population begins with `first`.

    `select` is the algorithm's own comparison in binary tournaments, `eta` and `prob` those of its
    crossover; used on spaces with ints and choices alone, as the algorithm has them for floats.
    """
    if not pymoo_mixed.needed(space):
        return {"sampling": cube_sampling(first)}
    from pymoo.operators.selection.tournament import TournamentSelection

    selection, distinct = TournamentSelection(func_comp=select), pymoo_mixed.distinct()
    return {
        "sampling": pymoo_mixed.sampling(space, first),
        "mating": pymoo_mixed.mating(space.d, distinct, selection, eta=eta, prob=prob),
        "eliminate_duplicates": distinct,
    }


def cube_sampling(first: Vector) -> Any:
    """Uniform sampling of the cube, by pymoo, with `first` in the first places."""
    from pymoo.operators.sampling.rnd import FloatRandomSampling

    class Sampling(FloatRandomSampling):  # type: ignore[misc]
        """Pymoo takes too few given points as a short population, so they are filled up here."""

        def _do(self, *args: Any, **kwargs: Any) -> Vector:
            points: Vector = super()._do(*args, **kwargs)
            points[: len(first)] = first
            return points

    return Sampling()


def first_places(
    optimizer: str, space: SearchSpace, start: ArrayLike | None, population: int
) -> Vector:
    """The starting points, shape (s, d); `BadInput` when the population has no room for them."""
    first = starting_points(space, start)
    if len(first) > population:
        raise BadInput(
            f"optimizer {optimizer}: {len(first)} starting points, allowed: at most the population"
            f" of {population}"
        )
    return first


def check_objectives(optimizer: str, n_objectives: int) -> None:
    """`BadInput` for a single objective, where nothing of the strategy would be left."""
    if n_objectives < 2:
        raise BadInput(
            f"optimizer {optimizer}: {n_objectives} objective, allowed: 2 or more (nsga2 takes 1)"
        )


def lattice(optimizer: str, n_objectives: int, count: int) -> Vector:
    """The largest Das-Dennis lattice of at most `count` directions; shape (K, m), rows summing to 1.

    Das & Dennis 1998, SIAM J. Optim. 8(3): K is ``C(H + m − 1, m − 1)`` for H partitions, which is any
    K for m = 2 and 3, 6, 10, 15, 21 … for m = 3. Its corners are the objectives themselves.
    """
    from pymoo.util.ref_dirs import get_reference_directions

    m = n_objectives
    check_option(optimizer, "population", count, m)
    partitions = 1
    while math.comb(partitions + m, m - 1) <= count:
        partitions += 1
    directions = get_reference_directions("das-dennis", m, n_partitions=partitions)
    return np.asarray(directions, dtype=np.float64)


def _cube_rows(X: Any) -> Vector:
    return np.array(X, dtype=np.float64)
