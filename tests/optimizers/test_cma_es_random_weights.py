"""Scalarised CMA-ES with random weights: pycma told the scalars by hand, and when weights are drawn."""

from __future__ import annotations

import math
from typing import Any

import cma
import numpy as np
import pytest
from pymoo.problems import get_problem

from suite.errors import BadInput
from suite.optimizers import cma_es_random_weights
from suite.optimizers.contract_plays import bowls
from suite.spaces.space import Parameter, SearchSpace, Vector

D = 6
SPACE = SearchSpace([Parameter(f"x{i}") for i in range(D)])
ZDT1 = get_problem("zdt1", n_var=D)


@pytest.mark.parametrize("redraw", ["generation", "restart"])
def test_it_is_pycma_told_random_scalars(redraw: str) -> None:
    """Two strategies in turn; the weights come from a generator of their own."""
    made = cma_es_random_weights.make(
        SPACE, 2, 5, strategies=2, redraw=redraw, popsize=6, sigma0=0.3, rho=0.1
    )
    drawn = np.random.default_rng(5)
    weights = [drawn.dirichlet([1, 1]), drawn.dirichlet([1, 1])]
    options = {"bounds": [0, 1], "seed": math.nan, "verbose": -9, "popsize": 6}
    options["randn"] = np.random.RandomState(5).randn
    pair = [cma.CMAEvolutionStrategy(D * [0.5], 0.3, options) for _ in range(2)]
    for turn in range(20):
        es = pair[turn % 2]
        X = np.array(solutions := es.ask())
        assert np.array_equal(made.ask(), X)
        F = ZDT1.evaluate(X)
        w = weights[turn % 2]
        es.tell(solutions, [max(w * f) + 0.1 * sum(w * f) for f in F])
        made.tell(X, F)
        if redraw == "generation":
            weights[turn % 2] = drawn.dirichlet([1, 1])


def told_weights(generations: int, flat: bool = True, **options: Any) -> Vector:
    """The first strategy's weights before and after each generation; flat losses stop it at once."""
    made = cma_es_random_weights.make(SPACE, 3, 0, **options)
    seen = [made._weights[0].copy()]
    for _ in range(generations):
        X = made.ask()
        made.tell(X, np.full((len(X), 3), 0.5) if flat else bowls(X, 3))
        seen.append(made._weights[0].copy())
    return np.array(seen)


@pytest.mark.parametrize("flat", [True, False])
def test_weights_are_drawn_each_generation_or_each_restart(flat: bool) -> None:
    assert len(np.unique(told_weights(10, flat), axis=0)) == 11
    kept = told_weights(10, flat, redraw="restart")
    assert len(np.unique(kept, axis=0)) == (11 if flat else 1)


def test_weights_are_uniform_on_the_simplex() -> None:
    drawn = told_weights(600)
    assert np.allclose(drawn.sum(axis=1), 1)
    assert np.allclose(drawn.mean(axis=0), 1 / 3, atol=4 * math.sqrt(1 / 18 / 600))
    assert (drawn > 0.5).any(axis=1).mean() == pytest.approx(3 / 4, abs=4 * math.sqrt(3 / 16 / 600))


def test_one_objective_has_one_weight() -> None:
    made = cma_es_random_weights.make(SPACE, 1, 0)
    for _ in range(60):
        X = made.ask()
        made.tell(X, bowls(X, 1))
    assert bowls(X, 1).min() < 1e-6


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"redraw": "never"}, "generation, restart"),
        ({"strategies": 0}, "cma_es_random_weights: strategies is 0"),
        ({"sigma0": 2.0}, "sigma0 is 2.0"),
    ],
)
def test_bad_options_are_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        cma_es_random_weights.make(SPACE, 2, 0, **options)
