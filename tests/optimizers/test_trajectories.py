"""Each adapter proposes exactly what its library proposes when used directly, on ZDT1 and DTLZ2.

The direct runs follow the libraries' own examples and share no code with the adapters.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import cma
import cmaes
import comocma
import numpy as np
import optuna
import pytest
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.optimize import minimize
from pymoo.problems import get_problem
from scipy.stats import qmc

from suite.optimizers import cma_es, cma_es_margin, como_cma_es, nsga2, random_search, tpe
from suite.optimizers.optimizer import Optimizer
from suite.spaces.space import Parameter, SearchSpace, Vector

D = 8
EVALUATIONS = 100
PROBLEMS = [get_problem("zdt1", n_var=D), get_problem("dtlz2", n_var=D, n_obj=3)]
both = pytest.mark.parametrize("problem", PROBLEMS, ids=["zdt1", "dtlz2"])


def cube(d: int = D) -> SearchSpace:
    return SearchSpace([Parameter(f"x{i}") for i in range(d)])


def losses(problem: Any, X: Vector) -> Vector:
    return np.asarray(problem.evaluate(X, return_values_of=["F"]))


def adapted(optimizer: Optimizer, function: Callable[[Vector], Vector]) -> Vector:
    """Every row asked, in batches, until `EVALUATIONS` or more."""
    rows: list[Vector] = []
    while sum(map(len, rows)) < EVALUATIONS:
        X = optimizer.ask()
        rows.append(X)
        optimizer.tell(X, function(X))
    return np.vstack(rows)


@both
def test_uniform_is_numpy(problem: Any) -> None:
    made = random_search.make(cube(), problem.n_obj, 1, batch=10)
    ours = adapted(made, lambda X: losses(problem, X))
    assert np.array_equal(ours, np.random.default_rng(1).random((EVALUATIONS, D)))


@both
def test_sobol_is_scipy(problem: Any) -> None:
    made = random_search.make(cube(), problem.n_obj, 1, sampler="sobol", batch=4)
    ours = adapted(made, lambda X: losses(problem, X))
    direct = qmc.Sobol(D, scramble=True, rng=np.random.default_rng(1)).random_base2(7)
    assert np.array_equal(ours, direct[:EVALUATIONS])


@both
def test_nsga2_is_pymoo(problem: Any) -> None:
    ours = adapted(nsga2.make(cube(), problem.n_obj, 1), lambda X: losses(problem, X))
    result = minimize(problem, NSGA2(pop_size=20), ("n_gen", 5), seed=1, save_history=True)
    direct = np.vstack([generation.off.get("X") for generation in result.history])
    assert np.array_equal(ours, direct)


@both
def test_tpe_is_optuna(problem: Any) -> None:
    ours = adapted(tpe.make(cube(), problem.n_obj, 1), lambda X: losses(problem, X))

    def objective(trial: optuna.Trial) -> list[float]:
        x = np.array([trial.suggest_float(f"x{i}", 0.0, 1.0) for i in range(D)])
        values: list[float] = losses(problem, x[None])[0].tolist()
        return values

    sampler = optuna.samplers.TPESampler(seed=1, multivariate=True)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(directions=["minimize"] * problem.n_obj, sampler=sampler)
    study.optimize(objective, n_trials=EVALUATIONS)
    direct = [[trial.params[f"x{i}"] for i in range(D)] for trial in study.trials]
    assert np.array_equal(ours, np.array(direct))


def test_tpe_is_optuna_on_ints_and_choices() -> None:
    methods = ("linear", "ties", "slerp")
    space = SearchSpace(
        [
            Parameter("layers", "int", 1, 4),
            Parameter("method", "choice", options=methods),
            Parameter("rate", "log", 1e-3, 1.0),
        ]
    )

    def values(layers: Any, method: Any, rate: Any) -> list[float]:
        return [abs(layers - 3) + rate, methods.index(method) + abs(math.log10(rate) + 1)]

    asked: list[dict[str, Any]] = []

    def function(X: Vector) -> Vector:
        asked.extend(trial.params for trial in optimizer._trials)
        decoded = [space.decode(x) for x in X]
        for x, trial in zip(decoded, optimizer._trials, strict=True):
            assert x == pytest.approx(trial.params)
        return np.array([values(**trial.params) for trial in optimizer._trials])

    optimizer = tpe.make(space, 2, 2)
    adapted(optimizer, function)
    sampler = optuna.samplers.TPESampler(seed=2, multivariate=True)
    study = optuna.create_study(directions=["minimize", "minimize"], sampler=sampler)
    study.optimize(
        lambda trial: values(
            trial.suggest_int("layers", 1, 4),
            trial.suggest_categorical("method", methods),
            trial.suggest_float("rate", 1e-3, 1.0, log=True),
        ),
        n_trials=EVALUATIONS,
    )
    assert asked == [trial.params for trial in study.trials]


@both
def test_cma_es_is_pycma(problem: Any) -> None:
    """One weight vector: a single strategy, minimising the same scalar."""
    weights = np.arange(1.0, problem.n_obj + 1)
    weights /= weights.sum()
    made = cma_es.make(cube(), problem.n_obj, 1, weights=weights.tolist(), sigma0=0.2, rho=0.1)
    ours = adapted(made, lambda X: losses(problem, X))
    randn = np.random.RandomState(1).randn
    options = {"bounds": [0, 1], "seed": math.nan, "randn": randn, "verbose": -9}
    es = cma.CMAEvolutionStrategy(D * [0.5], 0.2, options)
    direct: list[Vector] = []
    while len(direct) < EVALUATIONS:
        X = es.ask()
        direct.extend(X)
        F = [losses(problem, x[None])[0] for x in X]
        es.tell(X, [max(weights * f) + 0.1 * np.dot(weights, f) for f in F])
    assert np.allclose(ours, direct, rtol=0, atol=1e-12)


def bumpy(X: Vector) -> Vector:
    """One loss, shape (k, 1), with equal values among its rows, as a share of items has."""
    return np.asarray(np.round(20 * ((X - 0.3) ** 2).mean(axis=1), 1) / 20)[:, None]


@pytest.mark.parametrize("options", [{}, {"strategies": 1, "rho": 0.5}, {"weights": [3.0]}])
def test_cma_es_of_one_objective_is_pycma(options: dict[str, Any]) -> None:
    """No scalarisation is left: pycma is told the loss as it is."""
    ours = adapted(cma_es.make(cube(), 1, 4, sigma0=1 / 6, **options), bumpy)
    randn = np.random.RandomState(4).randn
    settings = {"bounds": [0, 1], "seed": math.nan, "randn": randn, "verbose": -9}
    es = cma.CMAEvolutionStrategy(D * [0.5], 1 / 6, settings)
    direct: list[Vector] = []
    while len(direct) < EVALUATIONS:
        X = es.ask()
        direct.extend(X)
        es.tell(X, bumpy(np.array(X))[:, 0].tolist())
    assert np.array_equal(ours, np.array(direct))


@pytest.mark.parametrize(("m", "weights"), [(1, None), (1, [1.0]), (2, [0.0, 1.0])])
def test_cma_es_margin_of_one_objective_is_cmaes_plain_cma_es(
    m: int, weights: list[float] | None
) -> None:
    """Without ints and choices; `CMA` is what Optuna's sampler runs. Other objectives do nothing."""
    chosen = {"weights": weights, "sigma0": 1 / 6, "resampling": 10 * D}
    ours = adapted(
        cma_es_margin.make(cube(), m, 4, **chosen),  # type: ignore[arg-type]
        lambda X: np.hstack([X[:, : m - 1], bumpy(X)]),
    )
    es = cmaes.CMA(
        mean=np.full(D, 0.5),
        sigma=1 / 6,
        bounds=np.array([[0.0, 1.0]] * D),
        n_max_resampling=10 * D,
        seed=np.random.RandomState(4).randint(2**31),
    )
    direct: list[Vector] = []
    while len(direct) < EVALUATIONS:
        X = [es.ask() for _ in range(es.population_size)]
        direct.extend(X)
        es.tell(list(zip(X, bumpy(np.array(X))[:, 0].tolist(), strict=True)))
    assert np.array_equal(ours, np.array(direct))


@pytest.mark.parametrize("make", [cma_es.make, cma_es_margin.make])
def test_a_start_is_the_mean_of_the_first_generation(make: Callable[..., Optimizer]) -> None:
    start = np.linspace(0.35, 0.65, D)
    first = make(cube(), 1, 2, start=start, popsize=400, sigma0=0.05).ask()
    assert first.shape == (400, D)
    assert np.abs(first.mean(axis=0) - start).max() < 4 * 0.05 / 20  # standard errors of a mean
    assert first.std(axis=0) == pytest.approx(0.05, rel=0.15)


def test_cma_es_alternates_two_independent_strategies() -> None:
    """Each of two strategies goes its own way, though both draw from one generator in turn."""
    problem = PROBLEMS[0]
    made = cma_es.make(cube(), 2, 3, weights=[[1, 0], [0, 1]], popsize=6, sigma0=0.3, rho=0.0)
    ours = adapted(made, lambda X: losses(problem, X))
    randn = np.random.RandomState(3).randn
    options = {"bounds": [0, 1], "seed": math.nan, "randn": randn, "verbose": -9, "popsize": 6}
    pair = [cma.CMAEvolutionStrategy(D * [0.5], 0.3, options) for _ in range(2)]
    direct: list[Vector] = []
    while len(direct) < EVALUATIONS:
        for objective, es in enumerate(pair):
            X = es.ask()
            direct.extend(X)
            es.tell(X, losses(problem, np.array(X))[:, objective].tolist())
    assert np.array_equal(ours, np.array(direct)[: len(ours)])


@both
def test_como_cma_es_is_comocma(problem: Any) -> None:
    """comocma's order of kernels comes from a generator; both draw it from the strategies' own."""
    reference = [11.0] * problem.n_obj
    made = como_cma_es.make(cube(), problem.n_obj, 1, sigma0=0.2, reference_point=reference)
    ours = adapted(made, lambda X: losses(problem, X))
    random = np.random.RandomState(1)
    options = {"bounds": [0, 1], "seed": math.nan, "randn": random.randn, "verbose": -9}
    kernels = comocma.get_cmas(3 * [D * [0.5]], 0.2, {**options, "verb_log": 0})
    order = {"update_order": lambda _: random.random_sample(), "verb_log": 0}
    sofomore = comocma.Sofomore(kernels, reference_point=reference, opts=order)
    direct: list[Vector] = []
    while len(direct) < EVALUATIONS:
        X = sofomore.ask("all")
        direct.extend(X)
        sofomore.tell(X, [losses(problem, x[None])[0].tolist() for x in X])
    assert np.array_equal(ours, np.array(direct))
