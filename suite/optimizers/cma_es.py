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
from suite.optimizers.chebyshev import augmented_chebyshev, weight_vectors
from suite.optimizers.optimizer import check_option, starting_points, told_losses
from suite.space import SearchSpace, Vector

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


class ScalarisedCmaEs:
    """One generation of one strategy an ask, the strategies in turn.

    A strategy that met one of pycma's stopping criteria is started again from a uniform mean.
    """

    def __init__(
        self, strategy: Callable[[bool], CMAEvolutionStrategy], weights: Vector, rho: float
    ) -> None:
        self._strategy = strategy
        self._weights = weights
        self._rho = rho
        self._strategies = [strategy(False) for _ in weights]
        self._turn = 0
        self._solutions: list[Vector] = []
        self._asked: Vector | None = None

    def ask(self) -> Vector:
        """The next generation, `popsize` rows, of the strategy whose turn it is."""
        self._solutions = self._strategies[self._turn].ask()
        self._asked = np.array(self._solutions, dtype=np.float64)
        return self._asked.copy()

    def tell(self, X: Vector, F: Vector) -> None:
        """Scalarises `F` by the weights of the strategy that asked, and passes the turn."""
        losses = told_losses(self._asked, X, F, self._weights.shape[1])
        self._asked = None
        values = augmented_chebyshev(losses, self._weights[self._turn], self._rho)
        strategy = self._strategies[self._turn]
        strategy.tell(self._solutions, values.tolist())
        if strategy.stop():
            self._strategies[self._turn] = self._strategy(True)
        self._turn = (self._turn + 1) % len(self._strategies)


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
) -> ScalarisedCmaEs:
    """Scalarised CMA-ES with `strategies` evenly spread weight vectors, or with `weights` given.

    `weights` is one vector (m,) or several (K, m), non-negative; ``[1, 0]`` optimises the first
    objective alone. `sigma0` is the initial step in units of the cube. The first starting point is
    every strategy's initial mean (else the centre of the cube). Needs d of 2 or more.
    """
    check_cma_options("cma_es", space, sigma0, popsize)
    check_option("cma_es", "rho", rho, 0.0, 1.0)
    spread = weight_vectors("cma_es", n_objectives, strategies, weights)
    first = starting_points(space, start)
    mean = first[0] if len(first) else np.full(space.d, 0.5)
    random = np.random.RandomState(seed)
    import cma

    def strategy(again: bool) -> CMAEvolutionStrategy:
        x0 = random.random_sample(space.d) if again else mean
        return cma.CMAEvolutionStrategy(x0, sigma0, pycma_options(random, popsize))

    return ScalarisedCmaEs(strategy, spread, rho)
