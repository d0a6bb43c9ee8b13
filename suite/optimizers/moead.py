"""MOEA/D by pymoo: one scalar subproblem per weight vector, solved with the help of its neighbours.

Zhang & Li 2007, "MOEA/D: a multiobjective evolutionary algorithm based on decomposition", IEEE TEC
11(6). After the initial population each ask is **one candidate**, as published: a subproblem's
offspring may replace its neighbours before the next one is made. pymoo's `ParallelMOEAD` is not
offered: in 0.6.2 it takes an offspring of one subproblem's parents for that of another, and it
cannot mate ints and choices.

On continuous spaces the operators are pymoo's: SBX with eta 20 and probability 1, PM with eta 20.
Ints and choices are native (`pymoo_mixed`). As published, offspring are compared with the population
by their losses alone, never by their settings: once one individual serves several subproblems, its
copies mate and candidates are proposed again (a tenth of 200 on 24 floats, a fifth on 6 mixed
parameters, measured). Losses are not normalised.
"""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from suite.errors import BadInput
from suite.optimizers import pymoo_mixed
from suite.optimizers.optimizer import check_option
from suite.optimizers.pymoo_search import (
    PymooSearch,
    check_objectives,
    cube_sampling,
    first_places,
    lattice,
    search,
)
from suite.spaces.space import SearchSpace, Vector

DECOMPOSITIONS = ("tchebycheff", "pbi")


def make(
    space: SearchSpace,
    n_objectives: int,
    seed: int,
    start: ArrayLike | None = None,
    *,
    population: int = 20,
    neighbours: int = 4,
    neighbour_mating: float = 0.9,
    decomposition: str | None = None,
) -> PymooSearch:
    """MOEA/D with a subproblem for each direction of the largest Das-Dennis lattice of at most
    `population`: as many for 2 objectives, 15 of 20 for 3.

    `neighbours` counts the subproblem itself; parents come from them with probability
    `neighbour_mating`, else from the whole population. `decomposition` is ``tchebycheff`` or ``pbi``
    (penalty 5); None is pymoo's: the first for 2 objectives, the second for more. Needs 2 objectives
    or more. Starting points take the first places of the random initial population.
    """
    check_objectives("moead", n_objectives)
    directions = lattice("moead", n_objectives, population)
    check_option("moead", "neighbours", neighbours, 2, len(directions))
    check_option("moead", "neighbour_mating", neighbour_mating, 0.0, 1.0)
    if decomposition is not None and decomposition not in DECOMPOSITIONS:
        raise BadInput(
            f"optimizer moead: decomposition {decomposition!r}, allowed: null, "
            + ", ".join(DECOMPOSITIONS)
        )
    first = first_places("moead", space, start, len(directions))
    from pymoo.algorithms.moo.moead import MOEAD

    algorithm = MOEAD(
        directions,
        n_neighbors=neighbours,
        prob_neighbor_mating=neighbour_mating,
        decomposition=_decomposition(decomposition),
        **_operators(space, first),
    )
    return search(algorithm, space, n_objectives, seed)


def _decomposition(name: str | None) -> Any:
    from pymoo.decomposition.pbi import PBI
    from pymoo.decomposition.tchebicheff import Tchebicheff

    return {None: lambda: None, "tchebycheff": Tchebicheff, "pbi": PBI}[name]()


def _operators(space: SearchSpace, first: Vector) -> dict[str, Any]:
    if not pymoo_mixed.needed(space):
        return {"sampling": cube_sampling(first)}
    mating = pymoo_mixed.mating(space.d, None, None, eta=20, prob=1.0)
    return {"sampling": pymoo_mixed.sampling(space, first), "mating": mating}
