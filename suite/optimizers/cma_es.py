"""`scalarised_cma_es`: K weight vectors, each minimised by its own CMA-ES (pycma) as the augmented
Chebyshev scalarisation of the losses (`chebyshev`).

CMA-ES: Hansen 2016, "The CMA evolution strategy: a tutorial", arXiv:1604.00772. The K strategies are
independent and asked in turn.

For continuous spaces. **Ints and choices are relaxed**: the strategy sees a float whose cells of the
unit interval are the levels or options. An int keeps its order, but once the step is smaller than a
cell the losses are flat around the mean and the level can no longer change. For a choice, the order
in which the options happen to be listed is imposed: the search believes the second to lie between
the first and the third, and must cross it. Use `cma_es_margin` (or `nsga2`, `tpe`) there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from suite.errors import BadInput
from suite.optimizers.chebyshev import weight_vectors
from suite.optimizers.optimizer import check_option, starting_points
from suite.optimizers.scalarised import Scalarised, Strategy
from suite.spaces.space import SearchSpace, Vector

if TYPE_CHECKING:
    from cma import CMAEvolutionStrategy


def pycma_options(random: np.random.RandomState, popsize: int | None) -> dict[str, Any]:
    """Options of a silent strategy in the unit cube that draws from `random` alone.

    A NaN seed keeps pycma from seeding numpy's global generator.
    """
    size = {} if popsize is None else {"popsize": popsize}
    return {
        "bounds": [0, 1],
        "seed": math.nan,
        "randn": random.randn,
        "verbose": -9,
        "verb_log": 0,
    } | size


def check_cma_options(name: str, space: SearchSpace, sigma0: float, popsize: int | None) -> None:
    """`BadInput` for what neither pycma nor comocma can do."""
    if space.d < 2:
        raise BadInput(f"optimizer {name}: the search space has 1 parameter, pycma needs 2 or more")
    check_option(name, "sigma0", sigma0, 1e-6, 1.0)
    check_option(name, "popsize", 4 if popsize is None else popsize, 4)


class _CmaEs:
    """pycma's strategy, which wants its own solutions back."""

    def __init__(self, strategy: CMAEvolutionStrategy) -> None:
        self._strategy = strategy
        self._solutions: list[Vector] = []

    def ask(self) -> Vector:
        self._solutions = self._strategy.ask()
        return np.array(self._solutions, dtype=np.float64)

    def tell(self, values: Vector) -> None:
        self._strategy.tell(self._solutions, values.tolist())

    def stopped(self) -> bool:
        return bool(self._strategy.stop())


def pycma_strategies(
    space: SearchSpace, seed: int, start: ArrayLike | None, sigma0: float, popsize: int | None
) -> Callable[[bool], Strategy]:
    """Makes strategies that share one generator: at the start's mean, or ``(True)`` at a uniform one."""
    first = starting_points(space, start)
    mean = first[0] if len(first) else np.full(space.d, 0.5)
    random = np.random.RandomState(seed)
    import cma

    def strategy(again: bool) -> _CmaEs:
        x0 = random.random_sample(space.d) if again else mean
        return _CmaEs(cma.CMAEvolutionStrategy(x0, sigma0, pycma_options(random, popsize)))

    return strategy


def make(
    space: SearchSpace,
    n_objectives: int,
    seed: int,
    start: ArrayLike | None = None,
    *,
    strategies: int = 3,
    weights: Sequence[Any] | None = None,
    popsize: int | None = None,
    sigma0: float = 0.1667,
    rho: float = 0.05,
) -> Scalarised:
    """Scalarised CMA-ES with `strategies` evenly spread weight vectors, or with `weights` given.

    `weights` is one vector (m,) or several (K, m), non-negative; ``[1, 0]`` optimises the first
    objective alone. `sigma0` is the initial step in units of the cube. The first starting point is
    every strategy's initial mean (else the centre of the cube); one that met a stopping criterion
    of pycma's starts again from a uniform mean. Needs d of 2 or more.
    """
    check_cma_options("cma_es", space, sigma0, popsize)
    check_option("cma_es", "rho", rho, 0.0, 1.0)
    spread = weight_vectors("cma_es", n_objectives, strategies, weights)
    return Scalarised(pycma_strategies(space, seed, start, sigma0, popsize), spread, rho)
