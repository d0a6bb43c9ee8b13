"""NSGA-II by pymoo: non-dominated sorting with crowding, and operators for each kind of parameter.

Deb, Pratap, Agarwal & Meyarivan 2002, "A fast and elitist multiobjective genetic algorithm:
NSGA-II", IEEE TEC 6(2). On continuous spaces the operators are pymoo's defaults: SBX with eta 15 and
probability 0.9, polynomial mutation (PM) with eta 20. Ints and choices are native (`pymoo_mixed`).
"""

from __future__ import annotations

from numpy.typing import ArrayLike

from suite.optimizers.optimizer import check_option
from suite.optimizers.pymoo_search import PymooSearch, first_places, operators, search
from suite.spaces.space import SearchSpace


def make(
    space: SearchSpace,
    n_objectives: int,
    seed: int,
    start: ArrayLike | None = None,
    *,
    population: int = 20,
) -> PymooSearch:
    """NSGA-II with `population` individuals and as many offspring a generation.

    Starting points take the first places of the random initial population. Where a space has too
    few settings for a population without duplicates, it is smaller.
    """
    check_option("nsga2", "population", population, 2)
    first = first_places("nsga2", space, start, population)
    from pymoo.algorithms.moo.nsga2 import NSGA2, binary_tournament

    algorithm = NSGA2(pop_size=population, **operators(space, first, binary_tournament))
    return search(algorithm, space, n_objectives, seed)
