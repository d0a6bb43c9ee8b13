"""Strategies of CMA-ES by the ask and tell of pycma, cmaes and comocma, as in their own examples.

Scalarised ones minimise the augmented Chebyshev function. One that stops begins again anywhere; all
of a run draw from one generator.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .function import Function

# A lattice of three points moved half a cell inwards, as conf/optimizer/cma_es.yaml has it.
WEIGHTS = {
    2: np.array([[1, 5], [3, 3], [5, 1]]) / 6,
    3: np.array([[1, 1, 4], [1, 4, 1], [4, 1, 1]]) / 6,
}


def cma_es(function: Function, seed: int) -> None:
    """Three of pycma's strategies in turn, one a weight vector, each begun again when it stops."""
    import cma

    d, random = function.d, np.random.RandomState(seed)
    options = {"bounds": [0, 1], "seed": math.nan, "randn": random.randn, "verbose": -9}

    def begun(mean: Any) -> Any:
        return cma.CMAEvolutionStrategy(mean, 0.1667, options)

    pairs = [(begun(d * [0.5]), w) for w in WEIGHTS[function.m]]
    while function.left:
        es, w = pairs.pop(0)
        X = es.ask()
        es.tell(X, [max(w * f) + 0.05 * np.dot(w, f) for f in function(X)])
        pairs.append((begun(random.random_sample(d)) if es.stop() else es, w))


def cma_es_random_weights(function: Function, seed: int) -> None:
    """One of pycma's strategies, told another weighting of the losses in each generation."""
    import cma

    d, random, drawn = function.d, np.random.RandomState(seed), np.random.default_rng(seed)
    options = {"bounds": [0, 1], "seed": math.nan, "randn": random.randn, "verbose": -9}
    es = cma.CMAEvolutionStrategy(d * [0.5], 0.1667, options)
    while function.left:
        w = drawn.dirichlet(function.m * [1.0])
        X = es.ask()
        es.tell(X, [max(w * f) + 0.05 * np.dot(w, f) for f in function(X)])
        if es.stop():
            es = cma.CMAEvolutionStrategy(random.random_sample(d), 0.1667, options)


def cma_es_margin(function: Function, seed: int) -> None:
    """cmaes's strategy with margin, scalarised as `cma_es`; without ints its margin does nothing."""
    import cmaes

    d, random = function.d, np.random.RandomState(seed)

    def begun(mean: Any) -> Any:
        return cmaes.CMAwM(
            mean=mean, sigma=0.1667, bounds=np.array(d * [[0.0, 1.0]]), steps=np.zeros(d),
            n_max_resampling=10, seed=random.randint(2**31),
        )  # fmt: skip

    pairs = [(begun(np.full(d, 0.5)), w) for w in WEIGHTS[function.m]]
    while function.left:
        es, w = pairs.pop(0)
        X = [es.ask() for _ in range(es.population_size)]
        values = [max(w * f) + 0.05 * np.dot(w, f) for f in function([x for x, _ in X])]
        es.tell([(told, value) for (_, told), value in zip(X, values, strict=True)])
        pairs.append((begun(random.random_sample(d)) if es.should_stop() else es, w))


def como_cma_es(function: Function, seed: int) -> None:
    """comocma's Sofomore with three kernels; one is added for each that stops."""
    import comocma

    d, m, random = function.d, function.m, np.random.RandomState(seed)
    options = {"bounds": [0, 1], "seed": math.nan, "randn": random.randn, "verbose": -9}
    options["verb_log"] = 0
    kernels = comocma.get_cmas(3 * [d * [0.5]], 0.1667, options)
    order = {"archive": False, "verb_log": 0, "update_order": lambda _: random.random_sample()}
    sofomore = comocma.Sofomore(kernels, reference_point=m * [1.0], opts=order)
    while function.left:
        X = sofomore.ask("all")
        sofomore.tell(X, function(X).tolist())
        if stopped := 3 - sum(not kernel.stop() for kernel in sofomore):
            means = random.random_sample((stopped, d)).tolist()
            sofomore.add(comocma.get_cmas(means, 0.1667, options))
