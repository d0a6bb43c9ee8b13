"""Scalarised CMA-ES with random weights: `cma_es`, its weight vectors drawn and drawn again.

Evenly spread weights, few of them, leave trade-offs between them that no strategy looks for. Random
ones come from genetic local search: Ishibuchi & Murata 1998, "A multi-objective genetic local search
algorithm", IEEE SMC-C 28(3), draw a vector for each selection of parents; Jaszkiewicz 2002, "Genetic
local search for multi-objective combinatorial optimization", EJOR 137(1) (MOGLS), for each local
search, from its start to its end; Knowles 2006 (ParEGO), IEEE TEC 10(1), for each iteration. Here a
generation of CMA-ES, which is one selection, is the first and third of these, and a strategy from its
start until pycma's stopping criteria end it is the second. No source draws them for CMA-ES, whose
step size and covariance are learned over generations: `redraw` says which of the two is meant.

Weights are uniform on the simplex, a Dirichlet distribution with all parameters 1. Ints and choices
are relaxed, as in `cma_es`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from suite.errors import BadInput
from suite.optimizers.cma_es import check_cma_options, pycma_strategies
from suite.optimizers.optimizer import check_option
from suite.optimizers.scalarised import Scalarised
from suite.spaces.space import SearchSpace, Vector

REDRAWS = ("generation", "restart")


def make(
    space: SearchSpace,
    n_objectives: int,
    seed: int,
    start: ArrayLike | None = None,
    *,
    strategies: int = 1,
    redraw: str = "generation",
    popsize: int | None = None,
    sigma0: float = 0.1667,
    rho: float = 0.05,
) -> Scalarised:
    """`strategies` of CMA-ES asked in turn, each with a random weight vector of its own.

    With `redraw` ``generation`` the vector is new in each generation; with ``restart`` a strategy
    keeps it until it meets a stopping criterion of pycma's and starts again from a uniform mean. The
    first starting point is every strategy's initial mean (else the centre of the cube). Needs d of 2
    or more.
    """
    name = "cma_es_random_weights"
    check_cma_options(name, space, sigma0, popsize)
    check_option(name, "strategies", strategies, 1)
    check_option(name, "rho", rho, 0.0, 1.0)
    if redraw not in REDRAWS:
        raise BadInput(f"optimizer {name}: redraw {redraw!r}, allowed: {', '.join(REDRAWS)}")
    drawn = np.random.default_rng(seed)

    def weights() -> Vector:
        return drawn.dirichlet(np.ones(n_objectives))

    made = pycma_strategies(space, seed, start, sigma0, popsize)
    first = np.stack([weights() for _ in range(strategies)])
    return Scalarised(made, first, rho, weights, keep=redraw == "restart")
