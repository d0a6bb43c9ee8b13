"""NSGA-III by pymoo: non-dominated sorting with niches along reference directions.

Deb & Jain 2014, "An evolutionary many-objective optimization algorithm using reference-point-based
nondominated sorting approach, part I", IEEE TEC 18(4). On continuous spaces the operators are
pymoo's, which are the paper's: SBX with eta 30 and probability 1, PM with eta 20, parents at random.
Ints and choices are native (`pymoo_mixed`). Objectives are normalised by the front found so far.
"""

from __future__ import annotations

from numpy.typing import ArrayLike

from suite.optimizers.pymoo_search import (
    PymooSearch,
    check_objectives,
    first_places,
    lattice,
    operators,
    search,
)
from suite.spaces.space import SearchSpace


def make(
    space: SearchSpace,
    n_objectives: int,
    seed: int,
    start: ArrayLike | None = None,
    *,
    population: int = 20,
) -> PymooSearch:
    """NSGA-III with `population` individuals and as many offspring a generation.

    The reference directions are the largest Das-Dennis lattice of at most `population`: as many for
    2 objectives, 15 of 20 for 3. Needs 2 objectives or more. Starting points take the first places
    of the random initial population. Where a space has too few settings for a population without
    duplicates, it is smaller.
    """
    check_objectives("nsga3", n_objectives)
    directions = lattice("nsga3", n_objectives, population)
    first = first_places("nsga3", space, start, population)
    from pymoo.algorithms.moo.nsga3 import NSGA3, comp_by_cv_then_random

    chosen = operators(space, first, comp_by_cv_then_random, eta=30, prob=1.0)
    return search(NSGA3(directions, pop_size=population, **chosen), space, n_objectives, seed)
